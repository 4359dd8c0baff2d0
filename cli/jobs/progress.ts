import cliTruncate from 'cli-truncate';
import { createLogUpdate } from 'log-update';
import type { Counts } from '../../core/job.ts';
import { printableLine } from '../../core/printable.ts';
import { canRedraw, type OutStream, streams, widthOf } from '../terminal/streams.ts';
import { wrapped } from '../terminal/wrap.ts';
import { endedOf, type JobState } from './job-state.ts';
import { stateLines } from './state-lines.ts';

/** A terminal is redrawn at most this often, so that a slow one, and a reader, can follow. */
const REDRAW_MS = 500;

/** Shows a job's progress: some lines that are redrawn on a terminal, or one line for each change elsewhere. */
export class Progress {
  readonly #out: OutStream;
  readonly #started = performance.now();
  readonly #redraw: ReturnType<typeof createLogUpdate> | undefined;
  #last = '';
  #lastAt = Number.NEGATIVE_INFINITY;
  #pending: JobState | undefined;

  constructor(out: OutStream = streams.err) {
    this.#out = out;
    // It needs a stream's writes and size only.
    if (canRedraw(out)) this.#redraw = createLogUpdate(out as NodeJS.WriteStream, { showCursor: true });
  }

  show(state: JobState): void {
    if (performance.now() - this.#lastAt < REDRAW_MS) this.#pending = state;
    else this.#draw(state);
  }

  /** Shows the last state, and leaves it on the terminal. */
  end(): void {
    if (this.#pending) this.#draw(this.#pending);
    this.#redraw?.done();
  }

  /** Prints a line above what is redrawn. */
  tell(line: string): void {
    this.#redraw?.clear();
    const width = widthOf(this.#out);
    const text = printableLine(line);
    this.#out.write(`${width === undefined ? text : wrapped(text, width - 1)}\n`);
    this.#last = '';
  }

  #draw(state: JobState): void {
    this.#pending = undefined;
    const seconds = (performance.now() - this.#started) / 1000;
    const width = widthOf(this.#out);
    const text = this.#redraw
      ? stateLines(state, seconds, { width: width ?? 80, height: this.#out.rows ?? 24, stream: this.#out })
          .map((line) => cliTruncate(line, (width ?? 80) - 1))
          .join('\n')
      : `${state.job.status}: ${describeCounts(state.job.counts)}`;
    if (text === this.#last) return;
    this.#last = text;
    this.#lastAt = performance.now();
    if (this.#redraw) this.#redraw(text);
    else this.#out.write(`${printableLine(text)} (${seconds.toFixed(1)} s)\n`);
  }
}

function describeCounts(counts: Counts): string {
  const waiting = counts.waiting ? ` (${counts.waiting} waiting for the model)` : '';
  const parts = (['processing', 'completed', 'failed', 'cancelled'] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status}${status === 'processing' ? waiting : ''}`);
  return [`${endedOf(counts)} of ${counts.total} repositories ended`, ...parts].join(', ');
}
