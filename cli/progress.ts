import type { Counts, Job } from '../core/job.ts';
import { printableLine } from '../core/printable.ts';

const BAR_WIDTH = 30;

/** Shows a job's progress: one line that is redrawn on a terminal, or one line for each change elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  readonly #started = performance.now();
  #last = '';

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  show({ status, counts }: Pick<Job, 'status' | 'counts'>): void {
    const seconds = ((performance.now() - this.#started) / 1000).toFixed(1);
    if (this.#out.isTTY) {
      this.#out.write(`\r\u001b[2K${barOf(counts)} ${describe(counts)}, ${seconds} s`);
      return;
    }
    const line = printableLine(`${status}: ${describe(counts)}`);
    if (line !== this.#last) this.#out.write(`${line} (${seconds} s)\n`);
    this.#last = line;
  }

  end(): void {
    if (this.#out.isTTY) this.#out.write('\n');
  }
}

function endedOf({ completed, failed, cancelled }: Counts): number {
  return completed + failed + cancelled;
}

function barOf(counts: Counts): string {
  const done = counts.total === 0 ? 0 : Math.round((endedOf(counts) / counts.total) * BAR_WIDTH);
  return `[${'#'.repeat(done)}${'.'.repeat(BAR_WIDTH - done)}]`;
}

function waitingOf({ waiting }: Counts): string {
  return waiting ? ` (${waiting} waiting for the model)` : '';
}

function describe(counts: Counts): string {
  const parts = (['processing', 'completed', 'failed', 'cancelled'] as const)
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status}${status === 'processing' ? waitingOf(counts) : ''}`);
  return [`${endedOf(counts)} of ${counts.total} repositories ended`, ...parts].join(', ');
}
