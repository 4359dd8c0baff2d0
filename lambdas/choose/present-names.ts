import type { ChosenRepository, LeftOutRepository } from '../../core/choice.ts';
import { describeError } from '../../core/errors.ts';
import { chunks, inParallel } from '../../core/in-parallel.ts';
import type { Settings } from '../../core/settings.ts';
import { openReader, readerId } from '../github/client.ts';
import { askRepositories } from '../github/graphql.ts';
import { logger } from '../logger.ts';

/** Repositories in one call of GitHub, and calls at the same time. */
const PER_CALL = 100;
const PARALLEL_CALLS = 5;

/**
 * Removes from `chosen`, which is by name in lower case, the former names of repositories that are in it under another name too,
 * and those whose present name has a reason against it. Asks GitHub about `most` names. Returns what was removed, with the
 * reasons.
 */
export async function removeFormerNames(
  chosen: Map<string, ChosenRepository>,
  reasonAgainst: (repositoryName: string) => string | undefined,
  settings: Settings,
  most: number,
): Promise<LeftOutRepository[]> {
  // What comes from a list of GitHub has a size, and its present name.
  const unlisted = [...chosen.values()].filter(({ sizeKiB }) => sizeKiB === undefined).slice(0, most);
  const renamed = await presentNames(
    unlisted.map(({ repositoryName }) => repositoryName),
    settings,
  );
  const takenAs = new Map<string, string>();
  const removed: LeftOutRepository[] = [];
  for (const { repositoryName } of unlisted) {
    const present = renamed.get(repositoryName);
    if (present === undefined) continue;
    const key = present.toLowerCase();
    const other = chosen.get(key)?.repositoryName ?? takenAs.get(key);
    const against = reasonAgainst(present);
    if (against === undefined && other === undefined) takenAs.set(key, repositoryName);
    else {
      chosen.delete(repositoryName.toLowerCase());
      const called = `GitHub now calls it ${present}`;
      const because = against === undefined ? `${called}, and it is in as ${other}` : `${called}: ${against}`;
      removed.push({ repositoryName, because });
    }
  }
  return removed;
}

/**
 * The present names of renamed repositories, by the names that GitHub redirects. If GitHub does not say, the names stay as they
 * are: work on a repository needs no look at it here.
 */
async function presentNames(names: readonly string[], settings: Settings): Promise<Map<string, string>> {
  const present = new Map<string, string>();
  const readers = Map.groupBy(names, (name) => readerId(settings, name)).values();
  try {
    for (const readable of readers) {
      const github = await openReader(settings, readable[0]!);
      await inParallel(chunks(readable, PER_CALL), PARALLEL_CALLS, async (some) => {
        for await (const [name, answer] of askRepositories(github, some))
          if (answer && answer.nameWithOwner.toLowerCase() !== name.toLowerCase())
            present.set(name, answer.nameWithOwner);
      });
    }
  } catch (error) {
    logger.warn('Renamed repositories could not be looked up', { error: describeError(error) });
  }
  return present;
}
