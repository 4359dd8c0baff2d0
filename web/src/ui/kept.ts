import { useCallback, useState } from 'react';

/** The beginning of the names under which the browser keeps unfinished work. */
export const KEPT = 'cody-batch-kept ';

/** A state that outlives a reload of this tab, such as the one of a sign-in in the middle of the work. */
export function useKept<T>(name: string, initial: T): readonly [T, (value: T) => void] {
  const key = KEPT + name;
  const [held, setHeld] = useState(() => ({ key, value: stored<T>(key) ?? initial }));
  // Another name is another state, as when a page goes on with another job.
  const current = held.key === key ? held : { key, value: stored<T>(key) ?? initial };
  if (current !== held) setHeld(current);
  const keep = useCallback(
    (next: T) => {
      setHeld({ key, value: next });
      if (next === initial) sessionStorage.removeItem(key);
      else store(key, next);
    },
    [key, initial],
  );
  return [current.value, keep];
}

/** Forgets the draft of earlier versions, which had a name that a sign-out did not forget. */
export function forgetOldDraft(): void {
  localStorage.removeItem('cody-batch-draft');
}

/** Forgets all unfinished work, so that the next person at this browser does not find it. */
export function forgetKept(): void {
  for (const storage of [sessionStorage, localStorage]) {
    for (const key of Object.keys(storage)) if (key.startsWith(KEPT)) storage.removeItem(key);
  }
}

function stored<T>(key: string): T | undefined {
  try {
    return JSON.parse(sessionStorage.getItem(key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** Best effort: a browser whose storage is full keeps the work in memory alone. */
function store(key: string, value: unknown): void {
  try {
    sessionStorage.setItem(key, JSON.stringify(value));
  } catch {
    sessionStorage.removeItem(key);
  }
}
