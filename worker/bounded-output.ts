/** FACTS: mini-swe-agent shows of a longer output its first and last 5,000 characters. */
const MAX_CHARACTERS = 10_000;
const HALF = MAX_CHARACTERS / 2;

/** A longer text becomes its first and last 5,000 characters with a note between them. */
export function boundText(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  return join(text.slice(0, HALF), text.length - MAX_CHARACTERS, text.slice(-HALF));
}

function join(head: string, omitted: number, tail: string): string {
  return `${head}\n… ${omitted} characters left out …\n${tail}`;
}

/** Collects the output of a process of any length in bounded memory. */
export class BoundedOutput {
  readonly #decoder = new TextDecoder();
  #head = '';
  #tail = '';
  #dropped = 0;

  write(chunk: Buffer): void {
    this.#append(this.#decoder.decode(chunk, { stream: true }));
  }

  #append(text: string): void {
    const room = HALF - this.#head.length;
    this.#head += text.slice(0, room);
    const rest = this.#tail + text.slice(Math.max(room, 0));
    this.#tail = rest.slice(-HALF);
    this.#dropped += rest.length - this.#tail.length;
  }

  /** At most 10,000 characters and the note. */
  get text(): string {
    return this.#dropped === 0 ? this.#head + this.#tail : join(this.#head, this.#dropped, this.#tail);
  }
}
