const KEY = 'cody-batch-viewed';
/** Patches whose marks are kept, the newest last. */
const MAX_PATCHES = 100;

type Marks = readonly (readonly [patch: string, files: readonly string[]])[];

/** The files of a patch that are marked as viewed in this browser. */
export function viewedIn(patch: string, store: Pick<Storage, 'getItem'> = localStorage): ReadonlySet<string> {
  return new Set(marksOf(store).find(([of]) => of === patch)?.[1]);
}

/** Keeps the marks of a patch, and forgets the oldest ones of others. */
export function keepViewed(
  patch: string,
  files: ReadonlySet<string>,
  store: Pick<Storage, 'getItem' | 'setItem'> = localStorage,
): void {
  const others = marksOf(store).filter(([of]) => of !== patch);
  const marks: Marks = files.size > 0 ? [...others, [patch, [...files]]] : others;
  try {
    store.setItem(KEY, JSON.stringify(marks.slice(-MAX_PATCHES)));
  } catch {
    // A browser whose storage is full or forbidden keeps no marks.
  }
}

function marksOf(store: Pick<Storage, 'getItem'>): Marks {
  try {
    const read: unknown = JSON.parse(store.getItem(KEY) ?? '[]');
    return Array.isArray(read) ? read.filter((one) => Array.isArray(one) && Array.isArray(one[1])) : [];
  } catch {
    return [];
  }
}
