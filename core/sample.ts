import { createHash } from 'node:crypto';

/** A repository as the listing of its owner shows it; only its name is known where a job names it itself. */
export type Listed = {
  name: string;
  /** The main language, as GitHub names it. */
  language?: string | null | undefined;
  sizeKiB?: number | undefined;
};

/** Upper bounds of the classes of size, in KiB. */
const SIZE_CLASSES = [1024, 10_240, 102_400];

/**
 * Chooses `count` repositories that differ: one of each class of language and size in turn, in an order that the job's
 * identifier decides, so that the same job chooses the same ones. Returns their names, sorted.
 */
export function chooseSample(jobId: string, repositories: readonly Listed[], count: number): string[] {
  const inOrder = repositories
    .map((repository) => ({ ...repository, place: placeOf(jobId, repository.name) }))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  const classes = [...Map.groupBy(inOrder, classOf).values()];
  const chosen: string[] = [];
  for (let turn = 0; chosen.length < Math.min(count, repositories.length); turn += 1)
    chosen.push(...classes.flatMap((members) => members[turn]?.name ?? []));
  return chosen.slice(0, count).sort();
}

function placeOf(jobId: string, name: string): string {
  return createHash('sha256')
    .update(jobId + name)
    .digest('hex');
}

function classOf({ language, sizeKiB }: Listed): string {
  const size = sizeKiB === undefined ? '' : SIZE_CLASSES.findIndex((most) => sizeKiB <= most);
  return `${language ?? ''} ${size}`;
}
