import { stat } from 'node:fs/promises';
import type { LogGroup } from './log-group.ts';
import { readLines } from './read-lines.ts';

const FUNCTION_NAME = /"function_name":"([^"]+)"/;

/** The group of one function. All functions write to one file, and each line has the function's name. */
export function functionGroup(functionName: string, file: string): LogGroup {
  return {
    name: `/aws/lambda/${functionName}`,
    async *events({ from, to }, streams) {
      const info = await stat(file).catch(() => undefined);
      if (!info || info.mtimeMs < from) return;
      for await (const { timestamp, message, position } of readLines(file, info.birthtimeMs)) {
        if (FUNCTION_NAME.exec(message)?.[1] !== functionName) continue;
        if (timestamp < from || timestamp >= to) continue;
        const stream = streamOf(timestamp);
        if (streams(stream)) yield { stream, timestamp, message, id: String(position).padStart(12, '0') };
      }
    },
  };
}

/** Lambda's form of a name, with one stream for each day. */
function streamOf(timestamp: number): string {
  return `${new Date(timestamp).toISOString().slice(0, 10).replaceAll('-', '/')}/[$LATEST]local`;
}
