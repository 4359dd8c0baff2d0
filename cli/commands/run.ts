import { type Command, Option } from 'commander';
import { userPath } from '../connect/folders.ts';
import { SETTINGS_OPTION, TARGET_OPTIONS } from '../connect/target.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { addJobOptions } from '../jobs/job-options.ts';
import { prepareFolder } from '../jobs/write-results.ts';
import { tell } from '../terminal/print.ts';

export const run: Command = addJobOptions(
  describeCommand('run', {
    summary: 'starts a job and follows it to its end',
    description: `Starts a job and follows it to its end.

Work trees of yours are registered with a GitHub that runs on this machine: the HEAD of each is used, and the trees are never touched. With ANTHROPIC_API_KEY Claude does the work, and the command asks before money is spent. Without a key the offline model does: it carries out the literal replacements that a prompt names.`,
    examples: [
      ["run -r /src/zod -r /src/glob -p \"Replace all occurrences of 'a(' with 'b('\"", 'two work trees'],
      [
        'run -r "/src/*" --prompt-file task.md --verify "npm test" --create-pull-requests',
        'all work trees of a folder',
      ],
      [
        'run -f job.yaml --set settings.maxFiles=200 --out results',
        'a job of a file, with one field changed',
      ],
      ['run --context prod --repos-from list.txt -p "…" --max-cost 20', 'on a deployment'],
    ],
  }),
)
  .addOption(new Option('-o, --out <dir>', 'writes the patch and the conversation of each repository there'))
  .addOption(new Option('--json', 'prints one JSON document: the job with its repositories'))
  .addOption(new Option('--all', 'does not offer to try some repositories first'))
  .addOption(new Option('-y, --yes', 'does not ask before money is spent'));
for (const option of [...TARGET_OPTIONS(), SETTINGS_OPTION()]) run.addOption(option);

onRun<{ out?: string; json?: boolean }>(run, async ({ out, json }) => {
  const folder = out === undefined ? undefined : userPath(out);
  if (folder) await prepareFolder(folder, '--out');
  // Both before the job starts: Ctrl-C has to cancel it from its first moment.
  const { startJob } = await import('../jobs/start-job.ts');
  const { finishJob } = await import('../jobs/finish-job.ts');
  const started = await startJob(run);
  if (!started) {
    tell('Nothing was started.');
    return 2;
  }
  try {
    return await finishJob(started.connection, started.job.jobId, { folder, json });
  } finally {
    await started.connection.close();
  }
});
