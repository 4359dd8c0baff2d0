import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** A longer line is cut, as CloudWatch Logs does: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html */
const MAX_MESSAGE = 262_118;

export type TimedLine = { timestamp: number; message: string; position: number };

/**
 * The lines of a file with their times: that of the line's JSON, else that of the line before, else `begun`. A file that is
 * removed meanwhile has no more lines.
 */
export async function* readLines(file: string, begun: number): AsyncGenerator<TimedLine, void, undefined> {
  let timestamp = begun;
  let position = 0;
  try {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      position += 1;
      if (line.trim() === '') continue;
      timestamp = timeOf(line) ?? timestamp;
      yield { timestamp, message: line.slice(0, MAX_MESSAGE), position };
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

const TIMESTAMP = /"timestamp":"([^"]{10,40})"/;

function timeOf(line: string): number | undefined {
  const time = Date.parse(TIMESTAMP.exec(line)?.[1] ?? '');
  return Number.isNaN(time) ? undefined : time;
}
