import type { ExecutionRecord } from './execution-record.ts';
import type { JsonObject } from './payload.ts';

type ResultKind = 'FAILED' | 'PENDING' | 'SUCCEEDED';
type ResultFile = { Key: string; Size: number };

/** A file is written at this size, so that 10,000 large outputs are never in memory at once. */
const FILE_CHARACTERS = 16 * 1024 * 1024;

/**
 * The files of a ResultWriter: SUCCEEDED_0.json, FAILED_0.json, PENDING_0.json and so on, which are arrays of child
 * executions, and manifest.json, which lists them.
 * https://docs.aws.amazon.com/step-functions/latest/dg/input-output-resultwriter.html
 */
export class ResultFiles {
  readonly #folder: string;
  readonly #write: (key: string, body: Uint8Array) => Promise<void>;
  readonly #files: Record<ResultKind, ResultFile[]> = { FAILED: [], PENDING: [], SUCCEEDED: [] };
  readonly #open: Record<ResultKind, { texts: string[]; characters: number }> = {
    FAILED: { texts: [], characters: 0 },
    PENDING: { texts: [], characters: 0 },
    SUCCEEDED: { texts: [], characters: 0 },
  };

  /** `folder` is the prefix and the Map run's own id. */
  constructor(folder: string, write: (key: string, body: Uint8Array) => Promise<void>) {
    this.#folder = folder;
    this.#write = write;
  }

  async add(kind: ResultKind, record: JsonObject): Promise<void> {
    const open = this.#open[kind];
    const text = JSON.stringify(record);
    open.texts.push(text);
    open.characters += text.length;
    if (open.characters >= FILE_CHARACTERS) await this.#flush(kind);
  }

  /** Writes the remaining records and the manifest. Returns the manifest's key. */
  async finish(bucket: string, mapRunArn: string): Promise<string> {
    for (const kind of ['FAILED', 'PENDING', 'SUCCEEDED'] as const) await this.#flush(kind);
    const key = `${this.#folder}/manifest.json`;
    const manifest = { DestinationBucket: bucket, MapRunArn: mapRunArn, ResultFiles: this.#files };
    await this.#write(key, Buffer.from(JSON.stringify(manifest)));
    return key;
  }

  async #flush(kind: ResultKind): Promise<void> {
    const { texts } = this.#open[kind];
    if (texts.length === 0) return;
    this.#open[kind] = { texts: [], characters: 0 };
    const files = this.#files[kind];
    const body = Buffer.from(`[${texts.join(',')}]`);
    const file = { Key: `${this.#folder}/${kind}_${files.length}.json`, Size: body.length };
    files.push(file);
    await this.#write(file.Key, body);
  }
}

/** A child execution as the result files have it. */
export function resultRecord(record: ExecutionRecord): JsonObject {
  const redrive =
    record.status === 'SUCCEEDED'
      ? ['NOT_REDRIVABLE', 'Execution is SUCCEEDED and cannot be redriven']
      : ['NOT_REDRIVABLE', 'Child executions are not redriven here'];
  return {
    ExecutionArn: record.arn,
    Input: record.input,
    InputDetails: { Included: true },
    Name: record.name,
    ...(record.output !== undefined && { Output: record.output, OutputDetails: { Included: true } }),
    ...(record.error !== undefined && { Error: record.error }),
    ...(record.cause !== undefined && { Cause: record.cause }),
    RedriveCount: 0,
    RedriveStatus: redrive[0]!,
    RedriveStatusReason: redrive[1]!,
    StartDate: new Date(record.startDate).toISOString(),
    StateMachineArn: record.stateMachineArn,
    Status: record.status,
    StopDate: new Date(record.stopDate ?? record.startDate).toISOString(),
  };
}
