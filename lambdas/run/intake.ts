import { z } from 'zod';
import { InvalidInputError } from '../../core/errors.ts';
import { RepositoryName } from '../../core/job.ts';
import type { RunRequest } from '../../core/run-request.ts';
import { chooseSample, type Listed } from '../../core/sample.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { findArtifact, writeArtifact } from '../../core/store/artifacts.ts';
import type { Context } from '../context.ts';
import { setAside } from '../logger.ts';
import { repositoryNames } from './rows.ts';

type Stores = Pick<Context, 'artifacts' | 'repositoryIndex'>;

/** The names that a job works on, and how many more it holds back behind its sample. */
export type Intake = { names: string[]; held: number };

/**
 * Lets repositories into a job: all that `list` finds, or the sample that was asked for, and the held ones once the job
 * continues. Later runs work on the same ones, whatever the owner's listing has by then. Safe to call again.
 */
export async function letIn(
  jobId: string,
  request: Pick<RunRequest, 'kind' | 'sample'>,
  list: () => Promise<Listed[]>,
  context: Stores,
): Promise<Intake> {
  const known = await repositoryNames(jobId, context);
  const isContinued = request.kind === 'continue';
  if (known.length === 0) {
    const listed = await list();
    const all = listed.map(({ name }) => name).sort();
    const { sample } = request;
    const names = sample === undefined || isContinued ? all : sampleOf(jobId, listed, sample);
    // The longer list comes first: without it, the others would be forgotten.
    if (names.length < all.length) await write(artifactKeys.resolved(jobId), all, context);
    await write(artifactKeys.repositories(jobId), names, context);
    return { names, held: all.length - names.length };
  }
  const held = await heldNames(jobId, known, context);
  if (!isContinued || held.length === 0) return { names: known, held: held.length };
  const names = [...known, ...held].sort();
  await write(artifactKeys.repositories(jobId), names, context);
  return { names, held: 0 };
}

/** The names that a job holds back, sorted. `known` are those that it works on. */
export async function heldNames(
  jobId: string,
  known: readonly string[],
  { artifacts }: Pick<Context, 'artifacts'>,
): Promise<string[]> {
  const key = artifactKeys.resolved(jobId);
  const all = (await findArtifact(artifacts, key, z.array(RepositoryName), setAside)) ?? [];
  const isKnown = new Set(known);
  return all.filter((name) => !isKnown.has(name));
}

function sampleOf(jobId: string, listed: readonly Listed[], sample: number | readonly string[]): string[] {
  if (typeof sample === 'number') return chooseSample(jobId, listed, sample);
  const wanted = new Set(sample.map((name) => name.toLowerCase()));
  const found = listed.map(({ name }) => name).filter((name) => wanted.has(name.toLowerCase()));
  if (found.length === wanted.size) return found.sort();
  throw new InvalidInputError(
    `Not all of the sample (${sample.slice(0, 5).join(', ')}) are among the ${listed.length} repositories of the job. Correct the sample, and start the job anew.`,
    { field: 'sample', received: sample.slice(0, 5), expected: 'repositories of the job' },
  );
}

function write(key: string, names: readonly string[], { artifacts }: Stores): Promise<void> {
  return writeArtifact(artifacts, key, names);
}
