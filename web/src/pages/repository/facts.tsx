import { getRouteApi, Link } from '@tanstack/react-router';
import type { RepositoryPage as Result } from '../../api/types.ts';
import { amount, compact, time, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Status } from '../../ui/status.tsx';
import styles from './repository.module.css';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

/** What came of a repository: its outcome, summary, checks, judgement, decision and pull request. */
export function Facts({ result }: { result: Result }) {
  const { status, outcome, pullRequest, pullRequestNumber, pullRequestUrl, review, revision } = result;
  return (
    <section className={styles.facts} aria-label="Result">
      <p className={styles.line}>
        <Status value={status} />
        {outcome && <Status value={outcome} />}
        {result.end && <span>end: {result.end}</span>}
        {result.phase && !result.completedAt && <span>{result.phase}</span>}
        <span>{amount(result.turns ?? 0, 'turn')}</span>
        <span>{compact(result.tokenUsage?.total ?? 0)} tokens</span>
        <span>{usd(result.costUsd)}</span>
        {result.completedAt && <span>ended {time(result.completedAt)}</span>}
      </p>
      {result.error && (
        <p className={styles.error}>
          <strong>{result.error.name}</strong>: <Text max={4000}>{result.error.message}</Text>
        </p>
      )}
      {result.summary && (
        <p>
          <Text max={8000}>{result.summary}</Text>
        </p>
      )}
      {result.notDone && result.notDone.length > 0 && (
        <>
          <h2>Not done</h2>
          <ul>
            {result.notDone.map((text) => (
              <li key={text}>
                <Text max={1000}>{text}</Text>
              </li>
            ))}
          </ul>
        </>
      )}
      <Checks result={result} />
      <Judgement result={result} />
      {review && (
        <p className={styles.line}>
          <Status value={review.decision} />
          <span>
            by {review.decidedBy ?? 'a user of this machine'}, {time(review.decidedAt)}, for{' '}
            {review.shape === undefined ? 'this repository' : `a shape of ${amount(review.covers, 'change')}`}
          </span>
          {review.note && <Text max={2000}>{review.note}</Text>}
        </p>
      )}
      {revision && (
        <p>
          The revision of run {revision.run} came to {revision.cameTo}.{' '}
          <Text max={2000}>{revision.summary}</Text>
        </p>
      )}
      {result.repairs && result.repairs.length > 0 && (
        <p>
          Repaired {amount(result.repairs.length, 'time')}:{' '}
          <Text max={1000}>
            {result.repairs
              .map(
                ({ run, failed, comments }) =>
                  `run ${run} (${[...failed, ...(comments > 0 ? [amount(comments, 'comment')] : [])].join(', ')})`,
              )
              .join('; ')}
          </Text>
        </p>
      )}
      {pullRequest && (
        <p className={styles.line}>
          <Status value={pullRequest.state} />
          {pullRequest.state === 'open' && pullRequest.checks && (
            <Status value={pullRequest.checks} label={`checks ${pullRequest.checks}`} />
          )}
          {pullRequestUrl && <PullRequestLink url={pullRequestUrl} number={pullRequestNumber} />}
          {pullRequest.failing && <Text max={1000}>{pullRequest.failing.join(', ')}</Text>}
          {pullRequest.error && <Text max={2000}>{pullRequest.error.message}</Text>}
        </p>
      )}
    </section>
  );
}

/** GitHub's answer has the address: only one of the web is made a link. */
function PullRequestLink({ url, number }: { url: string; number: number | undefined }) {
  const label = `pull request ${number ?? ''}`;
  return /^https?:\/\//.test(url) ? (
    <a href={url} rel="noreferrer">
      {label}
    </a>
  ) : (
    <span>{label}</span>
  );
}

function Checks({ result: { verification = [] } }: { result: Result }) {
  if (verification.length === 0) return null;
  return (
    <>
      <h2>Verification</h2>
      <ul className={styles.plain}>
        {verification.map(({ command, exitCode, seconds, output }) => (
          <li key={command}>
            <details>
              <summary>
                <Status
                  value={exitCode === 0 ? 'passing' : 'failing'}
                  label={exitCode === null ? 'ended by a signal' : `exit code ${exitCode}`}
                />{' '}
                <code>
                  <Text max={500}>{command}</Text>
                </code>{' '}
                {seconds.toFixed(1)} s
              </summary>
              <pre className={styles.output}>
                <Text max={10_000}>{output}</Text>
              </pre>
            </details>
          </li>
        ))}
      </ul>
    </>
  );
}

function Judgement({ result: { judgement } }: { result: Result }) {
  const params = route.useParams();
  if (!judgement) return null;
  const { decision, risk, reasons, rounds, costUsd } = judgement;
  return (
    <>
      <h2>Judgement</h2>
      <p className={styles.line}>
        <Status value={decision} label={decision} />
        {risk && <Status value={`risk-${risk}`} label={`risk ${risk}`} />}
        <span>{amount(rounds, 'round')}</span>
        <span>{usd(costUsd)}</span>
      </p>
      <ul>
        {reasons.map(({ file, line, text }) => (
          <li key={`${file}:${line}:${text}`}>
            {file && (
              <Link
                to="/j/$jobId/r/$owner/$name"
                params={params}
                search={{ file, line: line || undefined }}
                className={styles.place}
              >
                <Text max={300}>{line ? `${file}:${line}` : file}</Text>
              </Link>
            )}{' '}
            <Text max={1000}>{text}</Text>
          </li>
        ))}
      </ul>
    </>
  );
}
