import { useEffect, useRef, useSyncExternalStore } from 'react';

export type KeyBinding = { key: string; does: string; run: () => void };

const OFF = 'cody-batch-keys-off';
/** The keys of the pages that are on screen, the newest last. */
const layers = new Set<readonly KeyBinding[]>();
const listeners = new Set<() => void>();
let all: readonly KeyBinding[] = [];

function changed() {
  all = [...layers].flat();
  for (const listener of listeners) listener();
}

/** Binds single keys while the component is mounted. Nothing happens while a field has the focus, or if keys are off. */
export function useKeys(bindings: readonly KeyBinding[]): void {
  const current = useRef(bindings);
  current.current = bindings;
  const names = bindings.map(({ key, does }) => `${key} ${does}`).join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: the functions are read when a key is pressed.
  useEffect(() => {
    const layer = current.current.map(({ key, does }) => ({
      key,
      does,
      run: () => current.current.find((binding) => binding.key === key)?.run(),
    }));
    layers.add(layer);
    changed();
    return () => {
      layers.delete(layer);
      changed();
    };
  }, [names]);
}

/** All keys that work now. */
export function useAllKeys(): readonly KeyBinding[] {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => all,
  );
}

export function areKeysOff(): boolean {
  return localStorage.getItem(OFF) === '1';
}

export function setKeysOff(off: boolean): void {
  if (off) localStorage.setItem(OFF, '1');
  else localStorage.removeItem(OFF);
}

document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || areKeysOff()) return;
  const target = event.target as HTMLElement;
  if (target.closest('input:not([type="checkbox"]), textarea, select, dialog[open]')) return;
  const binding = all.findLast(({ key }) => key === event.key);
  if (!binding) return;
  event.preventDefault();
  binding.run();
});
