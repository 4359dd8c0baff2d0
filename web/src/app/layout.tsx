import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { type FormEvent, useEffect, useRef } from 'react';
import { hasSignIn } from '../api/authorization.ts';
import { healthQuery, meQuery } from '../api/queries.ts';
import { Text } from '../text/text.tsx';
import { currentConfig } from './config.ts';
import { KeysDialog } from './keys-dialog.tsx';
import styles from './layout.module.css';
import { SignOutButton } from './sign-out-button.tsx';
import { ThemeButton } from './theme-button.tsx';

/** The header of every page. On navigation the focus goes to the page's heading. */
export function Layout() {
  const path = useRouterState({ select: ({ location }) => location.pathname });
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the path is what it waits for.
  useEffect(() => {
    if (!isFirst.current) main.current?.querySelector('h1')?.focus();
    isFirst.current = false;
  }, [path]);
  return (
    <>
      <a className={styles.skip} href="#main">
        To the content
      </a>
      <header className={styles.header}>
        <Link to="/" className={styles.brand}>
          Cody Batch
        </Link>
        <nav className={styles.nav} aria-label="Pages">
          <Link to="/j" activeOptions={{ exact: true, includeSearch: false }}>
            Jobs
          </Link>
          <Link to="/pulls" activeOptions={{ includeSearch: false }}>
            Pull requests
          </Link>
          <Link to="/new" activeOptions={{ includeSearch: false }}>
            New job
          </Link>
        </nav>
        <Search />
        <Environment />
        <KeysDialog />
        <ThemeButton />
        {hasSignIn() && <SignOutButton />}
      </header>
      <main id="main" ref={main} className={styles.main}>
        <Outlet />
      </main>
    </>
  );
}

function Search() {
  const navigate = useNavigate();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const text = String(new FormData(event.currentTarget).get('text') ?? '').trim();
    void navigate({ to: '/j', search: text ? { text } : {} });
  };
  return (
    <search className={styles.search}>
      <form onSubmit={submit}>
        <input name="text" type="search" placeholder="Search jobs" aria-label="Search jobs" data-key="/" />
      </form>
    </search>
  );
}

function Environment() {
  const health = useQuery(healthQuery);
  const { data: me } = useQuery(meQuery);
  // An earlier answer stays when the service can no longer be reached.
  const isOk = !health.isError && health.data?.status === 'ok';
  const state = health.isPending ? 'asking' : isOk ? 'ok' : 'failing';
  return (
    <span className={styles.environment}>
      <span className={styles.health} data-state={state}>
        <span aria-hidden="true">{isOk ? '●' : '▲'}</span> {state}
      </span>
      {currentConfig().environment && <span>{currentConfig().environment}</span>}
      {me?.caller && (
        <span className={styles.caller}>
          <Text max={60}>{me.caller}</Text>
        </span>
      )}
    </span>
  );
}
