const closers = new Set<() => Promise<void>>();

/** Returns a function that calls `close` only once. `endAll` calls it too. */
export function closeOnce(close: () => Promise<void> | void): () => Promise<void> {
  let closed: Promise<void> | undefined;
  const once = () => {
    closed ??= Promise.resolve(close()).finally(() => closers.delete(once));
    return closed;
  };
  closers.add(once);
  return once;
}

/** Ends everything that is still open, the latest first, when the process is stopped early. */
export async function endAll(): Promise<void> {
  for (const close of [...closers].reverse()) await close();
}
