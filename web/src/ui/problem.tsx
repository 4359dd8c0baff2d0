import { hasSignIn, signInAgain } from '../api/authorization.ts';
import { ApiError } from '../api/client.ts';
import { ago } from '../text/format.ts';
import { Text } from '../text/text.tsx';
import styles from './problem.module.css';
import { useNow } from './use-now.ts';

/** What went wrong, and what to do next. */
export function ProblemBox({ error, retry }: { error: Error; retry?: () => void }) {
  const { title, advice } = describe(error);
  const isRefused = error instanceof ApiError && error.status === 401 && hasSignIn();
  return (
    <section className={styles.problem} role="alert">
      <h2>{title}</h2>
      <p>
        <Text max={2000}>{error.message}</Text>
      </p>
      {advice && <p>{advice}</p>}
      {isRefused && (
        <button type="button" onClick={signInAgain}>
          Sign in again
        </button>
      )}
      {retry && (
        <button type="button" onClick={retry}>
          Try again
        </button>
      )}
    </section>
  );
}

function describe(error: Error): { title: string; advice?: string } {
  if (!(error instanceof ApiError)) {
    return { title: 'The API cannot be reached', advice: 'Check the connection, and that the service runs.' };
  }
  if (error.status === 401) {
    return { title: 'You are not signed in', advice: 'The service does not accept this sign-in.' };
  }
  if (error.status === 403) {
    return { title: 'You may not do this', advice: 'Ask an administrator for the role that is named above.' };
  }
  if (error.status === 404)
    return { title: 'Not found', advice: 'It may have been deleted, or have expired.' };
  return { title: error.title };
}

/** Says that what is shown is old, because the last attempts to read it have failed. */
export function StaleNotice({ error, since }: { error: Error | null; since: number }) {
  const now = useNow(error ? 5000 : false);
  if (!error || since === 0) return null;
  const reason = error instanceof ApiError ? error.title : 'The API cannot be reached';
  return (
    <p className={styles.stale} role="status">
      {reason}. This is as of {ago(new Date(since).toISOString(), now)}; the page goes on trying.
    </p>
  );
}

export function Loading({ rows = 6, label = 'Loading' }: { rows?: number; label?: string }) {
  return (
    <div className={styles.loading} role="status" aria-label={label}>
      {Array.from({ length: rows }, (_, index) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: equal lines without a state.
        <span key={index} aria-hidden="true" />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: React.ReactNode }) {
  return (
    <section className={styles.empty}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}
