import type { ListedPullRequest } from '../../../api/types.ts';
import { amount, time } from '../../../text/format.ts';
import { Text } from '../../../text/text.tsx';
import tables from '../../jobs/job-table.module.css';
import { RepositoryLink } from '../repository-link.tsx';

const SHOWN = 200;

/** Why the last operation on a pull request was refused, and what it could not apply. */
export function Refusals({ jobId, pulls }: { jobId: string; pulls: readonly ListedPullRequest[] }) {
  const refused = pulls.filter(({ error, warnings }) => error || warnings?.length);
  if (refused.length === 0) return null;
  return (
    <section aria-label="Refusals and warnings">
      <h2>Refused, or with a warning: {amount(refused.length, 'repository', 'repositories')}</h2>
      <table className={tables.table} aria-label="Refusals and warnings">
        <thead>
          <tr>
            <th scope="col">Repository</th>
            <th scope="col">Why</th>
            <th scope="col">When</th>
          </tr>
        </thead>
        <tbody>
          {refused.slice(0, SHOWN).map(({ repositoryName, error, warnings = [], checkedAt }) => (
            <tr key={repositoryName}>
              <th scope="row">
                <RepositoryLink jobId={jobId} repositoryName={repositoryName} />
              </th>
              <td data-label="Why">
                {error && <Text max={1000}>{error.message}</Text>}
                {warnings.map((warning) => (
                  <small key={warning}>
                    <Text max={500}>{warning}</Text>
                  </small>
                ))}
              </td>
              <td data-label="When">{time(checkedAt)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {refused.length > SHOWN && <p>The first {SHOWN} are shown.</p>}
    </section>
  );
}
