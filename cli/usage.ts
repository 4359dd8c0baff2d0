import { type ParseArgsConfig, parseArgs } from 'node:util';
import { UsageError } from '../core/errors.ts';

export const USAGE = `Cody Batch: one prompt, many repositories.

  cody-batch demo                       a whole job on this machine, on real source, without keys
  cody-batch run --repo R … --prompt P  one job, and its results
  cody-batch pull-requests JOB_ID       open pull requests of what a job has recorded; no model is asked
  cody-batch serve                      the local AWS and the HTTP API, until Ctrl-C

run
  --repo PATH|OWNER/NAME     a work tree of yours (its HEAD is used, the tree is never touched), or, with
                             GITHUB_TOKEN, a repository of GitHub; once for each
  --prompt TEXT              the change to make, in words
  --prompt-file FILE         the same, from a file
  --name TEXT                what to call the job
  --model NAME               the model (CLAUDE_MODEL)
  --max-turns N              the most answers of the model for one repository (60)
  --max-cost USD             the most that the whole job may cost (50)
  --concurrency N            repositories at once (as many as there are cores)
  --verify COMMAND           must exit 0 before a change counts; once for each
  --create-pull-requests     open pull requests
  --out DIR                  write each repository's patch and thread there
  --json                     print one JSON document: the job with its repositories
  --yes                      do not ask before money is spent

pull-requests
  --repo OWNER/NAME          only of this repository of the job; once for each
  --json                     print one JSON document: the job with its repositories
  --github                   as for serve, where no serve is up

serve
  --port N                   the API's port (3000); the five ports after it are used too
  --concurrency N            workers at once (as many as there are cores)
  --github                   work on GitHub (GITHUB_TOKEN, ALLOWED_REPOSITORIES) instead of the local one
  --require-secret           ask the data folder's secret of your own processes too

all of them
  --data DIR                 where everything is kept (.cody-batch of the installation)
  --settings FILE            settings beside the environment's, which win (.env of the installation)

Exit status: 0 all repositories completed, 1 some repository failed or has something that was not done, 2 wrong usage.
With ANTHROPIC_API_KEY or CLAUDE_API_KEY, Claude does the work; without, the offline model, which carries out the
literal replacements that a prompt names ("Replace all occurrences of 'a' with 'b'").
`;

/** Parses strictly. Throws UsageError with what was wrong. */
export function parseOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError((error as Error).message.replace(/\. To specify.*$/s, '.'));
  }
}

/** A whole number from 1; throws UsageError. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a whole number from 1.`);
  return value;
}

/** A positive number; throws UsageError. */
export function positiveNumber(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a number above 0.`);
  return value;
}
