const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Loads a library, and removes the listeners that it adds. A library that ends the process at a signal would do so before a
 * command could cancel its job.
 */
export async function withoutNewSignalListeners<T>(load: () => Promise<T>): Promise<T> {
  const before = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);
  const loaded = await load();
  for (const [signal, known] of before) {
    for (const listener of process.listeners(signal)) {
      if (!known.includes(listener)) process.off(signal, listener);
    }
  }
  return loaded;
}
