import { useQuery } from '@tanstack/react-query';
import { Link, useNavigate } from '@tanstack/react-router';
import { isRunning } from '../../api/polling.ts';
import { meQuery } from '../../api/queries.ts';
import type { JobPage } from '../../api/types.ts';
import { count } from '../../text/format.ts';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { ProblemBox } from '../../ui/problem.tsx';
import { ContinueOtherwise } from './continue-otherwise.tsx';
import { useCancelJob, useDeleteJob, useStartRun } from './job-mutations.ts';
import styles from './job-page.module.css';
import { isChange, mayPublish, type Row } from './rows.ts';

/** What a person can do with the whole job now. Roles decide what is offered. */
export function JobActions({ job, rows }: { job: JobPage; rows: readonly Row[] | undefined }) {
  const { data: me } = useQuery(meQuery);
  const navigate = useNavigate();
  const cancel = useCancelJob(job.jobId);
  const retry = useStartRun(job.jobId, 'retry');
  const proceed = useStartRun(job.jobId, 'continue');
  const publish = useStartRun(job.jobId, 'pull-requests');
  const remove = useDeleteJob(job.jobId);
  const error = cancel.error ?? retry.error ?? proceed.error ?? publish.error ?? remove.error;
  const isRunner = me?.roles.includes('runner') ?? false;
  const running = isRunning(job);
  const retriable = job.counts.failed + job.counts.cancelled;
  const changes = (rows ?? []).filter(isChange);
  const publishable = changes.filter((row) => !row.prState && mayPublish(row, job)).length;
  return (
    <div className={styles.actions}>
      {changes.length > 0 && (
        <Link to="/j/$jobId/review" params={{ jobId: job.jobId }}>
          Review
        </Link>
      )}
      {isRunner && job.held && !running ? (
        <button
          type="button"
          data-kind="primary"
          disabled={proceed.isPending}
          onClick={() => proceed.mutate({})}
        >
          Run the rest ({count(job.held)})
        </button>
      ) : null}
      {isRunner && job.held && !running ? <ContinueOtherwise job={job} /> : null}
      {isRunner && retriable > 0 && !running && (
        <button type="button" disabled={retry.isPending} onClick={() => retry.mutate({})}>
          Retry {count(retriable)}
        </button>
      )}
      {isRunner && publishable > 0 && (
        <ConfirmButton
          label={`Open pull requests (${count(publishable)})`}
          question={`Open pull requests in up to ${count(publishable)} repositories?`}
          confirm="Open them"
          disabled={publish.isPending}
          onConfirm={() => publish.mutate(job.review === 'required' ? { approved: true } : {})}
        />
      )}
      {isRunner && (running || job.status === 'waiting') && (
        <ConfirmButton
          label="Cancel"
          question="Cancel this job? Repositories that have ended keep their results."
          confirm="Cancel the job"
          disabled={cancel.isPending}
          onConfirm={() => cancel.mutate()}
        />
      )}
      {isRunner && (
        <Link to="/new" search={{ from: job.jobId }}>
          Again
        </Link>
      )}
      {me?.roles.includes('admin') && !running && job.status !== 'waiting' && (
        <ConfirmButton
          label="Delete"
          question="Delete this job with all its results? Pull requests stay."
          confirm="Delete the job"
          disabled={remove.isPending}
          onConfirm={() => remove.mutate(undefined, { onSuccess: () => void navigate({ to: '/j' }) })}
        />
      )}
      {error && <ProblemBox error={error} />}
    </div>
  );
}
