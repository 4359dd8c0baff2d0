import { readFileSync } from 'node:fs';

/**
 * Returns how many processes of this control group the kernel's out-of-memory killer has ended. The signal
 * alone could also come from the shutdown of the host. Returns undefined if the count cannot be read, such as
 * outside of Linux.
 */
export function oomKills(): number | undefined {
  for (const file of counters()) {
    const [, count] = /^oom_kill (\d+)$/m.exec(read(file)) ?? [];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** Files of cgroup 2 and 1. In a container often only the root is visible, which is the container's. */
function counters(): string[] {
  const groups = read('/proc/self/cgroup');
  const [, ofTwo = ''] = /^0::(.*)$/m.exec(groups) ?? [];
  const [, ofOne = ''] = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(groups) ?? [];
  return [
    `/sys/fs/cgroup${ofTwo}/memory.events`,
    '/sys/fs/cgroup/memory.events',
    `/sys/fs/cgroup/memory${ofOne}/memory.oom_control`,
    '/sys/fs/cgroup/memory/memory.oom_control',
  ];
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
