import { useMutation } from '@tanstack/react-query';
import { getText } from '../../api/client.ts';
import { useHasRole } from '../../api/roles.ts';
import type { RepositoryPage as Result } from '../../api/types.ts';
import { useKeys } from '../../app/keys.ts';
import { DownloadButton } from '../../ui/download-button.tsx';
import { ProblemBox } from '../../ui/problem.tsx';
import type { Row } from '../job/rows.ts';
import { useDecide } from '../review/decide.ts';
import type { Decision } from '../review/decisions.ts';
import styles from './repository.module.css';

/** What a person can do with the change of one repository: decide about it, or take it away. */
export function ChangeActions({ result, path }: { result: Result; path: string }) {
  const { jobId, repositoryName, patchSha, review, outcome, artifacts } = result;
  const isRunner = useHasRole('runner');
  const decide = useDecide(jobId);
  const copy = useMutation({
    mutationFn: async () => navigator.clipboard.writeText(await getText(`${path}/diff`)),
  });
  const canDecide = isRunner && outcome === 'changed' && patchSha !== undefined && !decide.isPending;
  const as = (decision: Decision) =>
    decide.mutate([{ decision, rows: [{ ...result, review: undefined } as Row] }]);
  useKeys(
    canDecide
      ? [
          { key: 'a', does: 'approve this change', run: () => as('approve') },
          { key: 'x', does: 'reject this change', run: () => as('reject') },
          { key: 'u', does: 'decide about this change later', run: () => as('undecided') },
        ]
      : [],
  );
  if (!artifacts?.diff) return null;
  const error = decide.error ?? copy.error;
  return (
    <div className={styles.line}>
      {isRunner && outcome === 'changed' && (
        <>
          <button
            type="button"
            data-kind="primary"
            disabled={!canDecide || review?.decision === 'approve'}
            onClick={() => as('approve')}
          >
            Approve
          </button>
          <button
            type="button"
            disabled={!canDecide || review?.decision === 'reject'}
            onClick={() => as('reject')}
          >
            Reject
          </button>
        </>
      )}
      <DownloadButton
        label="Patch"
        fileName={`${repositoryName.replace('/', '__')}.patch`}
        path={`${path}/diff`}
      />
      <button type="button" onClick={() => copy.mutate()}>
        {copy.isSuccess ? 'Copied' : 'Copy the patch'}
      </button>
      {error && <ProblemBox error={error} />}
    </div>
  );
}
