import { useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { isRunning } from '../../api/polling.ts';
import { jobsQuery, totalsQuery } from '../../api/queries.ts';
import type { Job } from '../../api/types.ts';
import { compact, count, percent, usd } from '../../text/format.ts';
import { Heading } from '../../ui/heading.tsx';
import { Empty, Loading, ProblemBox, StaleNotice } from '../../ui/problem.tsx';
import { JobTable } from '../jobs/job-table.tsx';
import styles from './dashboard.module.css';
import { SpendPlot } from './spend-plot.tsx';

const route = getRouteApi('/');
const PERIODS = [7, 30, 90] as const;
const RECENT = 8;

/** What runs, what needs a person, and what the last days came to. */
export function DashboardPage() {
  const { days = 30 } = route.useSearch();
  const navigate = route.useNavigate();
  const query = useInfiniteQuery(jobsQuery({}));
  const jobs = query.data?.pages.flatMap((page) => page.jobs);
  const running = jobs?.filter(isRunning) ?? [];
  const needed = jobs?.filter((job) => job.status === 'waiting' || job.pullRequests?.failed) ?? [];
  const recent =
    jobs?.filter((job) => !running.includes(job) && !needed.includes(job)).slice(0, RECENT) ?? [];
  return (
    <>
      <div className={styles.title}>
        <Heading title="Dashboard" />
        <label>
          Last{' '}
          <select
            value={days}
            onChange={({ target }) =>
              void navigate({ search: { days: Number(target.value) }, replace: true })
            }
          >
            {PERIODS.map((period) => (
              <option key={period} value={period}>
                {period} days
              </option>
            ))}
          </select>
        </label>
      </div>
      <StaleNotice error={jobs ? query.error : null} since={query.dataUpdatedAt} />
      <Figures days={days} />
      {jobs && jobs.length > 0 && <SpendPlot jobs={jobs} days={days} />}
      {query.isPending && <Loading rows={8} label="Loading jobs" />}
      {query.error && !jobs && <ProblemBox error={query.error} retry={() => void query.refetch()} />}
      {jobs?.length === 0 && (
        <Empty title="There are no jobs yet">
          <p>
            <Link to="/new">Start the first one</Link>, or on the command line:{' '}
            <code>cody-batch run --repo PATH --prompt …</code>
          </p>
        </Empty>
      )}
      <Jobs title="Running" jobs={running} />
      <Jobs title="Needs you" jobs={needed} />
      <Jobs title="Recent" jobs={recent} />
      {jobs && jobs.length > 0 && (
        <p>
          <Link to="/j">All jobs</Link>
        </p>
      )}
    </>
  );
}

function Jobs({ title, jobs }: { title: string; jobs: readonly Job[] }) {
  if (jobs.length === 0) return null;
  return (
    <section className={styles.section}>
      <h2>{title}</h2>
      <JobTable jobs={jobs} label={title} />
    </section>
  );
}

function Figures({ days }: { days: number }) {
  const { data: totals } = useQuery(totalsQuery(days));
  if (!totals) return <Loading rows={1} label="Loading totals" />;
  const { repositories, pullRequests } = totals;
  const pulls = pullRequests.open + pullRequests.merged + pullRequests.closed;
  const figures: [string, string][] = [
    ['jobs', count(totals.jobs.total)],
    ['repositories', count(repositories.total)],
    ['completed', percent(repositories.completed, repositories.total)],
    ['pull requests merged', `${count(pullRequests.merged)} of ${count(pulls)}`],
    ['tokens', compact(totals.tokenUsage?.total ?? 0)],
    [
      totals.unpricedJobs > 0 ? `spent, and ${count(totals.unpricedJobs)} jobs of unknown price` : 'spent',
      totals.costUsd === 0 && totals.unpricedJobs > 0 ? '—' : usd(totals.costUsd),
    ],
  ];
  return (
    <dl className={styles.figures}>
      {figures.map(([label, value]) => (
        <div key={label}>
          <dt>{label}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
