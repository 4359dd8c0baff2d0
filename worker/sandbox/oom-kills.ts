import { readFileSync } from 'node:fs';

/**
 * How many processes of this one's control group the kernel has ended for want of memory: it sends the same signal as
 * whoever takes a host away, and this is the only place where it says which it was. Undefined where it cannot be read, as
 * on a machine that is not Linux.
 */
export function oomKills(): number | undefined {
  for (const file of counters()) {
    const [, count] = /^oom_kill (\d+)$/m.exec(read(file)) ?? [];
    if (count !== undefined) return Number(count);
  }
  return undefined;
}

/** Of cgroup 2 and 1; in a container the group's own path is often not visible, and its root is the container's. */
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
