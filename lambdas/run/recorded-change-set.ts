import { createHash } from 'node:crypto';
import { ChangeSet } from '../../core/change-set.ts';
import { ChangeSetRefusedError } from '../../core/errors.ts';
import type { OutcomeDocument } from '../../core/outcome.ts';
import type { RepositoryResult } from '../../core/repository-result.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import type { ArtifactStore } from '../../core/store/artifact-store.ts';
import { findBytes } from '../../core/store/artifacts.ts';
import { setAside } from '../logger.ts';

/**
 * What a row says of its change set, so that the one that is published is the one that was recorded: a worker may write
 * the change set of any repository, and of a row never this attribute. Whoever records an outcome writes it.
 */
export async function changeSetDigest(
  artifacts: ArtifactStore,
  { jobId, repositoryName, outcome }: OutcomeDocument,
): Promise<Pick<RepositoryResult, 'changeSetSha256'>> {
  const key = artifactKeys.changeSet(jobId, repositoryName);
  const body = outcome === 'changed' ? await findBytes(artifacts, key, setAside) : undefined;
  return body ? { changeSetSha256: sha256(body) } : {};
}

/** The change set that the row was recorded with. Throws ChangeSetRefusedError for any other. */
export async function readRecordedChangeSet(
  artifacts: ArtifactStore,
  { jobId, repositoryName, changeSetSha256 }: RepositoryResult,
): Promise<ChangeSet> {
  const refuse = (fault: string): never => {
    throw new ChangeSetRefusedError(
      `${fault}; nothing was published. Start a new job for ${repositoryName}, and find out who wrote to the artifacts of ${jobId}.`,
    );
  };
  const key = artifactKeys.changeSet(jobId, repositoryName);
  const body = await findBytes(artifacts, key, (why) => refuse(why.replace(/\.$/, '')));
  if (!body) return refuse(`The change set of ${repositoryName} is not among the job's artifacts`);
  if (!changeSetSha256)
    return refuse(`The row of ${repositoryName} does not say which change set was recorded with it`);
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
