import { InvalidInputError } from '../../core/errors.ts';

const MAX_NAMES_IN_MESSAGE = 5;

/**
 * The names that a request for a job has, in the job's own spelling, sorted, each once. Ignores case, as GitHub does. Throws
 * InvalidInputError for a name that the job does not have.
 */
export function namesOfJob(jobId: string, wanted: readonly string[], known: readonly string[]): string[] {
  const spelling = new Map(known.map((name) => [name.toLowerCase(), name]));
  const unknown = wanted.filter((name) => !spelling.has(name.toLowerCase()));
  if (unknown.length > 0) {
    throw new InvalidInputError(
      `The job ${jobId} has no repository ${unknown.slice(0, MAX_NAMES_IN_MESSAGE).join(', ')}${unknown.length > MAX_NAMES_IN_MESSAGE ? ` and ${unknown.length - MAX_NAMES_IN_MESSAGE} more` : ''}.`,
      {
        field: 'repositories',
        received: unknown.slice(0, MAX_NAMES_IN_MESSAGE),
        expected: 'repositories of this job',
      },
    );
  }
  return [...new Set(wanted.map((name) => spelling.get(name.toLowerCase())!))].sort();
}
