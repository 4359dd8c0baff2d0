import { readdir, stat } from 'node:fs/promises';
import path from 'node:path';
import type { LogGroup } from './log-group.ts';
import { readLines } from './read-lines.ts';

const ENDING = '.log';

/** The group of the workers: one stream for each attempt, under the name that DescribeJobs has. */
export function workerGroup(name: string, folder: string): LogGroup {
  return {
    name,
    async *events({ from, to }, streams) {
      const files = await readdir(folder, { recursive: true }).catch(() => []);
      for (const file of files) {
        const stream = file.slice(0, -ENDING.length).replaceAll(path.sep, '/');
        if (!file.endsWith(ENDING) || !streams(stream)) continue;
        const whole = path.join(folder, file);
        const info = await stat(whole).catch(() => undefined);
        if (!info || info.mtimeMs < from) continue;
        for await (const { timestamp, message, position } of readLines(whole, info.birthtimeMs)) {
          if (timestamp >= from && timestamp < to)
            yield { stream, timestamp, message, id: `${stream}:${String(position).padStart(12, '0')}` };
        }
      }
    },
  };
}
