const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

const before = SIGNALS.map((signal) => [signal, process.listeners(signal)] as const);

/**
 * Removes the listeners that came since this module was loaded. A library that ends the process at a signal would do so
 * before a command could cancel its job.
 */
export function dropNewSignalListeners(): void {
  for (const [signal, known] of before) {
    for (const listener of process.listeners(signal)) {
      if (!known.includes(listener)) process.off(signal, listener);
    }
  }
}
