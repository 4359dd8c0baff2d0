import { Link } from '@tanstack/react-router';
import { isRunning } from '../../../api/polling.ts';
import type { JobPage, ListedPullRequest } from '../../../api/types.ts';
import { amount, count, someOf } from '../../../text/format.ts';
import { Text } from '../../../text/text.tsx';
import { ConfirmButton } from '../../../ui/confirm-button.tsx';
import { ProblemBox } from '../../../ui/problem.tsx';
import { useStartRun } from '../job-mutations.ts';
import styles from '../job-page.module.css';
import type { Row } from '../rows.ts';
import { Names } from './names.tsx';
import { type RedGroup, redGroups } from './red-checks.ts';

/** One card for each set of checks that fail together, with a button that has the job mend them. */
export function RedChecks({
  job,
  rows,
  pulls,
  isRunner,
}: {
  job: JobPage;
  rows: readonly Row[];
  pulls: ReadonlyMap<string, ListedPullRequest>;
  isRunner: boolean;
}) {
  const groups = redGroups(rows, pulls);
  if (groups.length === 0) return null;
  const total = groups.reduce((sum, { names }) => sum + names.length, 0);
  const rounds = job.pullRequest?.repair?.rounds ?? 0;
  return (
    <section aria-label="Failing checks">
      <h2>Failing checks: {amount(total, 'pull request')}</h2>
      <p>
        {rounds > 0
          ? `The job repairs each by itself, at most ${amount(rounds, 'time')}.`
          : 'The job does not repair them by itself.'}
      </p>
      <ul className={styles.cards}>
        {groups.map((group) => (
          <RedCard key={group.key} job={job} group={group} isRunner={isRunner} />
        ))}
      </ul>
    </section>
  );
}

function RedCard({ job, group, isRunner }: { job: JobPage; group: RedGroup; isRunner: boolean }) {
  const { jobId } = job;
  const { checks, names, repairable } = group;
  const repair = useStartRun(jobId, 'repair');
  return (
    <li className={styles.card}>
      <h3>
        {checks.length === 0
          ? 'GitHub gave no name of a check'
          : checks.map((check, index) => (
              <span key={check}>
                {index > 0 && ', '}
                <Link
                  to="/j/$jobId"
                  params={{ jobId }}
                  search={{ tab: 'pulls', pull: 'red', check }}
                  title="Show these pull requests in the table"
                >
                  <Text max={200}>{check}</Text>
                </Link>
              </span>
            ))}
      </h3>
      <Names label="Fails in" names={names} />
      {isRunner && (
        <div className={styles.actions}>
          <ConfirmButton
            label={`Repair these ${count(repairable.length)}`}
            question={`Repair ${amount(repairable.length, 'pull request')}: ${someOf(repairable)}? The model gets what the checks say, and each gets one more commit if the repair completes. A commit that had a repair before, and one that a person added to, is left out.`}
            confirm={`Repair ${count(repairable.length)}`}
            disabled={repairable.length === 0 || isRunning(job) || repair.isPending}
            onConfirm={() => repair.mutate({ repositories: repairable })}
          />
        </div>
      )}
      {repair.error && <ProblemBox error={repair.error} />}
    </li>
  );
}
