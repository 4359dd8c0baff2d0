import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { userPath } from '../connect/folders.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { print, tell } from '../terminal/print.ts';
import { applyPatch } from '../trees/apply-patch.ts';
import { clonesOf } from '../trees/find-clone.ts';

export const apply = jobCommand('apply', {
  summary: 'puts changes on a branch of your own clone',
  description:
    'Makes a branch with the change in your own clone of each repository, on the commit that the job started from. Nothing is checked out, and your work tree and index stay as they are.',
  examples: [
    ['apply -', 'all changes of the last job, in the work trees that it was run on'],
    ['apply 8X2Q acme/api --in ~/src/api', 'one repository, in the clone that you name'],
    ['apply - --branch raise-type-error', 'with a branch name of yours'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names, patterns with *, or paths of work trees; all if none is given')
  .addOption(new Option('--in <dir>', 'the clone, or the folder that has the clones'))
  .addOption(new Option('--branch <name>', 'the branch (cody-batch/JOB_ID)'));

onJob<{ in?: string; branch?: string }>(apply, async (connection, jobId, options, given: string[]) => {
  const { api } = connection;
  const rows = await api.getRows(jobId);
  const known = rows.map(({ repositoryName }) => repositoryName);
  const wanted = given.length > 0 ? new Set(findNames(given, known)) : undefined;
  const names = rows.flatMap(({ repositoryName: name, changedFiles }) =>
    changedFiles && (!wanted || wanted.has(name)) ? [name] : [],
  );
  if (names.length === 0)
    throw new UsageError('There is no change to apply. `cody-batch show` lists the results.');
  const clones = await clonesOf(
    names,
    connection,
    options.in === undefined ? undefined : userPath(options.in),
  );
  const branch = options.branch ?? `cody-batch/${jobId}`;
  let failed = 0;
  for (const name of names) {
    const clone = clones.get(name);
    if (!clone) {
      failed++;
      tell(`${name}: no clone of it was found. Name it, or the folder that it is in, by --in.`);
      continue;
    }
    const [{ baseSha, summary }, patch] = await Promise.all([
      api.getResult(jobId, name),
      api.getDiff(jobId, name),
    ]);
    try {
      const title = `${(summary ?? 'Change').split('\n')[0]!.slice(0, 72)}`;
      await applyPatch({
        clone,
        branch,
        baseSha: baseSha!,
        patch: patch!,
        message: `${title}\n\nCody-Batch-Job: ${jobId}\n`,
      });
      print(
        `${name}: the branch ${branch} of ${clone} has the change. See it: git -C ${clone} show ${branch}\n`,
      );
    } catch (error) {
      failed++;
      tell(`${name}: ${(error as Error).message}`);
    }
  }
  return failed > 0 ? 1 : 0;
});
