import { Link } from '@tanstack/react-router';
import type { JobPage } from '../../api/types.ts';
import { amount, count, percent } from '../../text/format.ts';
import { Empty } from '../../ui/problem.tsx';
import { Status } from '../../ui/status.tsx';
import styles from './job-page.module.css';
import { Patches } from './patches.tsx';
import { RepositoryLink } from './repository-link.tsx';
import { Revise } from './revise.tsx';
import { type Kin, type Row, shortShape } from './rows.ts';

const SHOWN = 4;

/** Changes by kin (alike), then by shape (equal), with some of the repositories of each. */
export function ShapesTab({ job, kins }: { job: JobPage; kins: readonly Kin[] }) {
  const { jobId } = job;
  if (kins.length === 0) {
    return (
      <Empty title="There are no changes yet">As soon as a repository has one, its shape is here.</Empty>
    );
  }
  const changes = kins.reduce((sum, { count }) => sum + count, 0);
  return (
    <>
      <div className={styles.line}>
        <p>
          {amount(changes, 'change')} in {count(kins.length)} kin. A kin groups changes that look alike; a
          shape is one change, to the byte, in many places.{' '}
          <Link to="/j/$jobId/review" params={{ jobId }}>
            Review them
          </Link>
        </p>
        <Patches
          jobId={jobId}
          names={namesOf(kins.flatMap(({ shapes }) => shapes.flatMap(({ rows }) => rows)))}
          of="job"
        />
      </div>
      <ul className={styles.cards}>
        {kins.map((kin) => (
          <li key={kin.kin} className={styles.card}>
            <h2>
              {amount(kin.count, 'change')}, {percent(kin.count, changes)}
            </h2>
            {kin.shapes.map((shape) => (
              <div key={shape.shape}>
                <p className={styles.facts}>
                  <Link to="/j/$jobId" params={{ jobId }} search={{ shape: shape.shape }}>
                    shape {shortShape(shape.shape)}
                  </Link>
                  <span>{amount(shape.rows.length, 'repository', 'repositories')}</span>
                  <Status value={shape.review} />
                  <Link to="/j/$jobId/review" params={{ jobId }} search={{ shape: shape.shape }}>
                    Review
                  </Link>
                  <Patches jobId={jobId} names={namesOf(shape.rows)} of={{ shape: shape.shape }} />
                  <Revise
                    job={job}
                    total={shape.rows.length}
                    place={shape.shape}
                    selection={{ shape: shape.shape }}
                  />
                </p>
                <ul>
                  {shape.rows.slice(0, SHOWN).map(({ repositoryName }) => (
                    <li key={repositoryName}>
                      <RepositoryLink jobId={jobId} repositoryName={repositoryName} />
                    </li>
                  ))}
                  {shape.rows.length > SHOWN && <li>and {count(shape.rows.length - SHOWN)} more</li>}
                </ul>
              </div>
            ))}
          </li>
        ))}
      </ul>
    </>
  );
}

function namesOf(rows: readonly Row[]): string[] {
  return rows.map(({ repositoryName }) => repositoryName);
}
