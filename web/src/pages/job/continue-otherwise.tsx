import { useQuery } from '@tanstack/react-query';
import { jobTextQuery } from '../../api/queries.ts';
import type { JobPage } from '../../api/types.ts';
import { count } from '../../text/format.ts';
import { FormDialog, formStyles } from '../../ui/form-dialog.tsx';
import { useKept } from '../../ui/kept.ts';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import { useStartRun } from './job-mutations.ts';

/** Runs what a sample held back with another prompt or another cap, and the sample again if that is wanted. */
export function ContinueOtherwise({ job }: { job: JobPage }) {
  const proceed = useStartRun(job.jobId, 'continue');
  const { data: text, error } = useQuery(jobTextQuery(job.jobId));
  const name = `${job.jobId} continue`;
  const [prompt, setPrompt] = useKept<string | undefined>(`${name} prompt`, undefined);
  const [cap, setCap] = useKept(`${name} cap`, '');
  const [redo, setRedo] = useKept(`${name} redo`, false);
  const isOther = prompt !== undefined && prompt.trim() !== '' && prompt !== text?.prompt;
  const total = (job.held ?? 0) + (redo ? job.counts.total : 0);
  return (
    <FormDialog
      name={name}
      label="Run the rest otherwise…"
      title={`Run the rest of ${count((job.held ?? 0) + job.counts.total)} repositories`}
      submit={`Run ${count(total)}`}
      canSubmit={!proceed.isPending}
      onSubmit={(close) => {
        const body = {
          ...(isOther && { prompt }),
          ...(cap.trim() && { maxCostUsd: Number(cap) }),
          ...(redo && { redo: true as const }),
        };
        const done = () => {
          setPrompt(undefined);
          setCap('');
          setRedo(false);
          close();
        };
        // Not by `mutate`, whose callbacks are dropped with this form as soon as the job runs.
        proceed.mutateAsync(body).then(done, () => {});
      }}
    >
      {text ? (
        <label>
          Prompt
          <textarea
            rows={8}
            value={prompt ?? text.prompt ?? ''}
            onChange={({ target }) => setPrompt(target.value)}
          />
        </label>
      ) : (
        !error && <Loading rows={3} />
      )}
      {error && <ProblemBox error={error} />}
      <label>
        Cap of the whole job, in dollars (now {job.maxCostUsd})
        <input
          type="number"
          min={0.01}
          step="any"
          value={cap}
          placeholder={String(job.maxCostUsd)}
          onChange={({ target }) => setCap(target.value)}
        />
      </label>
      <label className={formStyles.check}>
        <input type="checkbox" checked={redo} onChange={({ target }) => setRedo(target.checked)} />
        Also work on the {count(job.counts.total)} of the sample again
      </label>
      {proceed.error && <ProblemBox error={proceed.error} />}
    </FormDialog>
  );
}
