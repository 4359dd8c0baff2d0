import { isRunning } from '../../api/polling.ts';
import { useHasRole } from '../../api/roles.ts';
import type { JobPage } from '../../api/types.ts';
import { amount, count } from '../../text/format.ts';
import { FormDialog } from '../../ui/form-dialog.tsx';
import { useKept } from '../../ui/kept.ts';
import { ProblemBox } from '../../ui/problem.tsx';
import { type RunBody, useStartRun } from './job-mutations.ts';

/** Asks for a sentence, and continues the work on some repositories by it, each in its own conversation. */
export function Revise({
  job,
  total,
  place,
  selection,
  label = `Revise ${count(total)}…`,
  onStarted,
}: {
  job: JobPage;
  total: number;
  /** Tells this form from others of the page. */
  place: string;
  selection: Pick<RunBody, 'repositories' | 'shape'>;
  label?: string;
  onStarted?: () => void;
}) {
  const isRunner = useHasRole('runner');
  const revise = useStartRun(job.jobId, 'revise');
  const name = `${job.jobId} revise ${place}`;
  const [instruction, setInstruction] = useKept(`${name} instruction`, '');
  if (!isRunner) return null;
  return (
    <FormDialog
      name={name}
      label={label}
      title={`Revise ${amount(total, 'repository', 'repositories')}`}
      submit={`Revise ${count(total)}`}
      disabled={total === 0 || isRunning(job)}
      canSubmit={instruction.trim() !== '' && !revise.isPending}
      onSubmit={(close) => {
        const done = () => {
          setInstruction('');
          close();
          onStarted?.();
        };
        // Not by `mutate`, whose callbacks are dropped if this form goes before the answer.
        revise.mutateAsync({ ...selection, instruction: instruction.trim() }).then(done, () => {});
      }}
    >
      <label>
        What to do next
        <textarea
          rows={4}
          value={instruction}
          placeholder="Keep the old name as a deprecated alias."
          onChange={({ target }) => setInstruction(target.value)}
        />
      </label>
      <p>
        Each goes on in its own conversation, from its own change. A change is replaced only if the new one
        completes; its approval then falls.
      </p>
      {revise.error && <ProblemBox error={revise.error} />}
    </FormDialog>
  );
}
