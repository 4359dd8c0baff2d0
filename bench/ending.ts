const closers = new Set<() => Promise<void>>();

/** Returns a function that closes once, however often it is called; `endAll` calls it too. */
export function closeOnce(close: () => Promise<void> | void): () => Promise<void> {
  let closed: Promise<void> | undefined;
  const once = () => {
    closed ??= Promise.resolve(close()).finally(() => closers.delete(once));
    return closed;
  };
  closers.add(once);
  return once;
}

/** Ends what was started and is still there, the latest first: for a process that is told to stop half-way. */
export async function endAll(): Promise<void> {
  for (const close of [...closers].reverse()) await close();
}
