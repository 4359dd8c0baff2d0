import type { Choice, DryRun } from '../../core/choice.ts';
import type { JobRequest, JobRow } from '../../core/job.ts';
import type { RepositoryAccess } from '../../core/repository-access.ts';
import { isModelPriced } from '../../core/settings.ts';
import { choose, REQUEST_TIME_MS } from '../choose/choose.ts';
import { firstOfChoice } from '../choose/shown-choice.ts';
import type { Context } from '../context.ts';
import { estimateOf } from './estimate.ts';

/** Describes the repositories and the cost of a job, without starting or storing anything. */
export async function dryRun(
  job: JobRow,
  { repositories }: JobRequest,
  access: RepositoryAccess,
  context: Context,
): Promise<DryRun> {
  const choice = await choose(repositories, context, REQUEST_TIME_MS);
  const count = choice.repositories.length;
  const { maxCostUsd, settings } = job;
  const isPriced = isModelPriced(settings.model, context.settings);
  const estimate = isPriced ? await estimateOf(job, count, context) : undefined;
  const unknown = isPriced
    ? `No earlier job of the type ${job.type} has a known cost with ${settings.model}.`
    : `The price of ${settings.model} is not known.`;
  return {
    dryRun: true,
    ...firstOfChoice(choice, access),
    count,
    refusals: refusalsOf(choice, job),
    estimate: estimate ?? null,
    ...(!estimate && { estimateUnknownBecause: unknown }),
    mostUsd: isPriced ? Math.min(maxCostUsd, count * settings.maxCostUsd) : null,
    maxCostUsd,
    settings,
  };
}

function refusalsOf({ repositories, incomplete }: Choice, { maxRepositories }: JobRow): string[] {
  const count = repositories.length;
  const refusals = incomplete.map(
    ({ entry, because }) => `Not every repository of ${JSON.stringify(entry)} was found: ${because}.`,
  );
  if (count === 0) refusals.push('The entries come to no repository.');
  if (count > maxRepositories)
    refusals.push(`The entries come to ${count} repositories, and maxRepositories is ${maxRepositories}.`);
  return refusals;
}
