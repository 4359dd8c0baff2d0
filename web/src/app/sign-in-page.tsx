import { useEffect } from 'react';
import { signInAgain } from '../api/authorization.ts';
import { Text } from '../text/text.tsx';
import { Heading } from '../ui/heading.tsx';
import styles from './layout.module.css';

/** Instead of every page: after a sign-out, and if a sign-in was refused. */
export function SignInPage({ error }: { error?: Error }) {
  useEffect(() => document.querySelector('button')?.focus(), []);
  return (
    <main className={styles.main}>
      <Heading title={error ? 'You could not be signed in' : 'You are signed out'} />
      {error && (
        <p role="alert">
          <Text max={1000}>{error.message}</Text>
        </p>
      )}
      <p>
        <button type="button" data-kind="primary" onClick={signInAgain}>
          {error ? 'Try again' : 'Sign in'}
        </button>
      </p>
    </main>
  );
}
