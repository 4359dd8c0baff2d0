import { Zip, ZipDeflate } from 'fflate';

/** The same entries give the same bytes: ZIP has no time before 1980. */
const NO_TIME = new Date(1980, 0, 1);

/** Packs entries as they come, so that only the compressed bytes are held. */
export class Archive {
  readonly #parts: Uint8Array[] = [];
  #failed: Error | undefined;
  readonly #zip = new Zip((error, part) => {
    if (error) this.#failed = error;
    else this.#parts.push(part);
  });
  /** The compressed bytes so far. */
  get bytes(): number {
    return this.#parts.reduce((sum, part) => sum + part.length, 0);
  }

  add(name: string, content: Uint8Array): void {
    const entry = new ZipDeflate(name, { level: 6 });
    entry.mtime = NO_TIME;
    this.#zip.add(entry);
    entry.push(content, true);
  }

  end(): Buffer {
    this.#zip.end();
    if (this.#failed) throw this.#failed;
    return Buffer.concat(this.#parts);
  }
}
