import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { ApiError, post } from '../../api/client.ts';
import type { DryRun, JobRequest } from '../../api/types.ts';
import { amount, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { useDebounced } from '../../ui/use-debounced.ts';
import { type Draft, requestOf } from './draft.ts';
import styles from './new-job.module.css';

/** What the job may cost, asked of the API without starting anything, once one has stopped typing. */
export function Estimate({ draft, total, enabled }: { draft: Draft; total: number; enabled: boolean }) {
  const request = useDebounced(JSON.stringify(requestOf(draft, undefined)), 800);
  // By what is asked about, which is the form as it was a moment ago.
  const { prompt, repositories } = JSON.parse(request) as JobRequest;
  const isComplete = total > 0 && prompt.trim() !== '' && repositories.length > 0;
  const { data, error, isFetching } = useQuery({
    queryKey: ['dry-run', request],
    queryFn: () => post<DryRun>('/jobs?dryRun=true', JSON.parse(request)),
    enabled: enabled && isComplete,
    placeholderData: keepPreviousData,
    retry: false,
    staleTime: 60_000,
  });
  return (
    <section aria-label="Estimate" aria-busy={isFetching}>
      <h2>Estimate</h2>
      {!isComplete && <p>It is shown here as soon as there is a prompt and a repository.</p>}
      {isComplete && !data && !error && <p>Asking…</p>}
      {isComplete && error && (
        <p className={styles.fault}>
          {error instanceof ApiError ? <Text max={500}>{error.message}</Text> : 'The API cannot be reached.'}
        </p>
      )}
      {isComplete && data && !error && <Known dryRun={data} />}
    </section>
  );
}

function Known({
  dryRun: { count: repositories, estimate, mostUsd, settings, ...rest },
}: {
  dryRun: DryRun;
}) {
  return (
    <>
      {estimate ? (
        <p>
          {amount(repositories, 'repository', 'repositories')} × {usd(estimate.perRepositoryUsd.median)} ={' '}
          <strong>{usd(estimate.totalUsd.median)}</strong>, at the 90th percentile{' '}
          {usd(estimate.totalUsd.p90)}: by{' '}
          {amount(estimate.standsOn.repositories, 'repository', 'repositories')} in{' '}
          {amount(estimate.standsOn.jobs, 'earlier job')} with {settings.model}.
        </p>
      ) : (
        <p>
          Not known. <Text max={500}>{rest.estimateUnknownBecause}</Text>
        </p>
      )}
      <p>
        {mostUsd === null ? 'The caps count only what has a price.' : `At most ${usd(mostUsd)}, by the caps.`}
      </p>
      {rest.refusals.map((refusal) => (
        <p key={refusal} className={styles.fault}>
          <Text max={500}>{refusal}</Text>
        </p>
      ))}
    </>
  );
}
