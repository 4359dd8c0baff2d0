import type { Phase, Waiting } from '../core/repository-result.ts';
import type { RepositoryTable } from '../core/store/repository-table.ts';
import type { Log } from './log.ts';

type Row = { repositories: RepositoryTable; jobId: string; repositoryName: string; log: Log };

/** Shows on the repository's row what the worker is doing. */
export class Progress {
  readonly #row: Row;
  #turns: readonly unknown[] = [];
  /** The next update. Only the latest one is kept while another is written. */
  #next: { phase: Phase; waiting: Waiting | undefined } | undefined;
  #writing: Promise<void> | undefined;

  constructor(row: Row) {
    this.#row = row;
  }

  /** Counts these turns in every later update. */
  count(turns: readonly unknown[]): void {
    this.#turns = turns;
  }

  /** Rejects if the row cannot be written: the worker then does not start. */
  async recordStart(): Promise<void> {
    await this.#write('cloning');
  }

  /** Updates the row in the background. An update that fails is logged and skipped, since only readers need it. */
  record(phase: Phase, waiting?: Waiting): void {
    this.#next = { phase, waiting };
    this.#writing ??= this.#writeAll().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Resolves when no update is being written. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #writeAll(): Promise<void> {
    while (this.#next) {
      const { phase, waiting } = this.#next;
      this.#next = undefined;
      try {
        await this.#write(phase, waiting);
      } catch (error) {
        this.#row.log.warn(`The progress could not be written to the row: ${(error as Error).message}`);
      }
    }
  }

  async #write(phase: Phase, waiting?: Waiting): Promise<void> {
    const { repositories, jobId, repositoryName } = this.#row;
    await repositories.recordProgress(jobId, repositoryName, {
      phase,
      waiting,
      turns: this.#turns.length,
      updatedAt: new Date().toISOString(),
    });
  }
}
