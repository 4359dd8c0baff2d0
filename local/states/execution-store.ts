import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import type { ExecutionRecord } from './execution-record.ts';
import type { HistoryEvent } from './history.ts';

const RECORD = '.json';
const HISTORY = '.history.jsonl';

/**
 * Top-level executions on disk: `executions/NAME.json`, replaced by a rename, and `executions/NAME.history.jsonl`, one
 * event a line. Writes are synchronous: an execution has about thirty of them, and after kill -9 the disk then has all
 * events up to some moment, in order.
 */
export class ExecutionStore {
  readonly #folder: string;

  constructor(dataFolder: string) {
    this.#folder = path.join(dataFolder, 'executions');
    this.#makeFolder();
  }

  /** Also called before each write: a running execution is in memory and continues if the folder is removed. */
  #makeFolder(): void {
    mkdirSync(this.#folder, { recursive: true });
  }

  load(): ExecutionRecord[] {
    const files = readdirSync(this.#folder).filter((file) => file.endsWith(RECORD));
    return files.map((file) => {
      const text = readFileSync(path.join(this.#folder, file), 'utf8');
      try {
        return JSON.parse(text);
      } catch (cause) {
        throw new Error(
          `${file} in ${this.#folder} is not an execution's record. Move it out of that folder.`,
          { cause },
        );
      }
    });
  }

  save(record: ExecutionRecord): void {
    this.#makeFolder();
    const file = path.join(this.#folder, `${record.name}${RECORD}`);
    const temporary = `${file}.${process.pid}.tmp`;
    writeFileSync(temporary, JSON.stringify(record));
    renameSync(temporary, file);
  }

  remove(name: string): void {
    rmSync(path.join(this.#folder, `${name}${RECORD}`), { force: true });
    rmSync(this.#historyFile(name), { force: true });
  }

  append(name: string, event: HistoryEvent): void {
    this.#makeFolder();
    appendFileSync(this.#historyFile(name), `${JSON.stringify(event)}\n`);
  }

  history(name: string): HistoryEvent[] {
    const file = this.#historyFile(name);
    if (!existsSync(file)) return [];
    const lines = readFileSync(file, 'utf8').split('\n');
    // The process died while it wrote the part after the last newline.
    return lines.slice(0, -1).map((line) => JSON.parse(line));
  }

  /** Drops an unfinished last line. Returns the last event's id, or 0 if there is no event. */
  repairHistory(name: string): number {
    const events = this.history(name);
    const file = this.#historyFile(name);
    if (events.length === 0) rmSync(file, { force: true });
    else writeFileSync(file, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
    return events.at(-1)?.id ?? 0;
  }

  #historyFile(name: string): string {
    return path.join(this.#folder, `${name}${HISTORY}`);
  }
}
