import { createHash } from 'node:crypto';
import { ChangeSet } from '../../core/change-set.ts';
import { ChangeSetRefusedError } from '../../core/errors.ts';
import type { OutcomeDocument } from '../../core/outcome.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { findBytes } from '../../core/store/artifacts.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { setAside } from '../logger.ts';

/**
 * The digest of a change set, for the repository's row, so that only the recorded change set is published. Workers may write
 * change sets but never this attribute; every function that records an outcome writes it.
 */
export async function changeSetDigest(
  artifacts: ArtifactStore,
  outcome: OutcomeDocument,
): Promise<Pick<RepositoryResult, 'changeSetSha256'>> {
  const { changeSet } = runArtifactKeys(outcome);
  const body = outcome.outcome === 'changed' ? await findBytes(artifacts, changeSet, setAside) : undefined;
  return body ? { changeSetSha256: sha256(body) } : {};
}

/** The recorded change set. Throws ChangeSetRefusedError if the artifact does not match the digest on the row. */
export async function readRecordedChangeSet(
  artifacts: ArtifactStore,
  { jobId, repositoryName, changeSetSha256, artifacts: { changeSet: key } = {} }: RepositoryResult,
): Promise<ChangeSet> {
  const refuse = (fault: string): never => {
    throw new ChangeSetRefusedError(
      `${fault}; nothing was published. Start a new job for ${repositoryName}, and check who wrote to the artifacts of ${jobId}.`,
    );
  };
  const body = key && (await findBytes(artifacts, key, (why) => refuse(why.replace(/\.$/, ''))));
  if (!body) return refuse(`The change set of ${repositoryName} is not among the job's artifacts`);
  if (!changeSetSha256) return refuse(`The row of ${repositoryName} has no digest of its change set`);
  const found = sha256(body);
  if (found !== changeSetSha256) {
    return refuse(
      `The change set of ${repositoryName} is not the one that was recorded when its analysis ended: its SHA-256 was ${changeSetSha256} and is ${found} now`,
    );
  }
  return ChangeSet.parse(JSON.parse(body.toString('utf8')));
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}
