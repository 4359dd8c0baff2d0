import { type Measured, metricLine } from '../core/metrics.ts';
import type { LogLine } from '../core/repository-result.ts';
import type { Redactor } from './sandbox/redact.ts';

type Level = 'info' | 'warn' | 'error';
type Fields = Readonly<Record<string, unknown>>;

/** The row stores 50 messages, and an item of DynamoDB may have 400 KB. */
const MAX_MESSAGE = 1000;

/** Writes lines of JSON to standard output, which Batch stores, and keeps them for `log.txt` and the outcome. */
export class Log {
  /** @default - no metrics are written */
  metricsNamespace: string | undefined;
  readonly #redactor: Redactor;
  readonly #lines: LogLine[] = [];
  readonly #printed: string[] = [];
  #identity: Fields = {};

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
  }

  /** Adds fields to each later line on standard output. `log.txt` does without: it is of one repository anyway. */
  identify(fields: Fields): void {
    this.#identity = { ...this.#identity, ...fields };
  }

  info(message: string, fields?: Fields): void {
    this.#write('info', message, fields);
  }

  warn(message: string, fields?: Fields): void {
    this.#write('warn', message, fields);
  }

  error(message: string, fields?: Fields): void {
    this.#write('error', message, fields);
  }

  /** Writes metrics to standard output only: CloudWatch takes them from the lines, and they are of no use in `log.txt`. */
  measure(measured: Measured): void {
    const about = { timestamp: new Date().toISOString(), ...this.#identity, ...measured.about };
    const line = this.metricsNamespace && metricLine(this.metricsNamespace, { ...measured, about });
    if (line) process.stdout.write(`${this.#redactor.text(line)}\n`);
  }

  /** The last 50 lines. */
  get tail(): LogLine[] {
    return this.#lines.slice(-50);
  }

  /** `log.txt`. */
  get text(): string {
    return this.#printed.join('');
  }

  #write(level: Level, message: string, fields: Fields = {}): void {
    const timestamp = new Date().toISOString();
    const said = { timestamp, level, message, ...fields };
    const line = this.#redactor.text(`${JSON.stringify(said)}\n`);
    this.#lines.push({ timestamp, level, message: this.#redactor.text(message).slice(0, MAX_MESSAGE) });
    this.#printed.push(line);
    process.stdout.write(this.#redactor.text(`${JSON.stringify({ ...said, ...this.#identity })}\n`));
  }
}
