import { artifactKeys } from './artifact-keys.ts';

/** One run of one repository. */
export type RunOfRepository = { jobId: string; repositoryName: string; run: number };

/**
 * The keys of what one run made of a repository, for who writes and records it: a worker and the steps that end its row. All
 * others read what the row's `artifacts` names, which may be of an earlier run. The linter limits the imports of this file.
 */
export function runArtifactKeys({ jobId, repositoryName, run }: RunOfRepository) {
  const folder = `${artifactKeys.job(jobId)}repositories/${repositoryName}/${run}/`;
  return {
    folder,
    outcome: `${folder}outcome.json`,
    diff: `${folder}diff.patch`,
    thread: `${folder}thread.json`,
    changeSet: `${folder}change-set.json`,
    log: `${folder}log.txt`,
    /** What a repair has to mend, from ResolveRepositories. */
    findings: `${folder}findings.json`,
    checkpoint: `${folder}checkpoint/`,
  };
}
