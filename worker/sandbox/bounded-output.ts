import type { Redactor } from './redact.ts';

const MAX_CHARACTERS = 10_000;
const HALF = MAX_CHARACTERS / 2;

/** Reduces a longer text to its first and last 5,000 characters, with a note between them. */
export function boundText(text: string): string {
  if (text.length <= MAX_CHARACTERS) return text;
  return join(text.slice(0, HALF), text.length - MAX_CHARACTERS, text.slice(-HALF));
}

function join(head: string, omitted: number, tail: string): string {
  return `${head}\n… ${omitted} characters left out …\n${tail}`;
}

/** Collects output of any length in bounded memory, and redacts it. */
export class BoundedOutput {
  readonly #decoder = new TextDecoder();
  readonly #redactor: Redactor;
  /** Characters of each part: the shown half, and the length of a secret that the cut may split. */
  readonly #part: number;
  #head = '';
  #tail = '';
  #dropped = 0;

  constructor(redactor: Redactor) {
    this.#redactor = redactor;
    this.#part = HALF + redactor.longest;
  }

  write(chunk: Buffer): void {
    this.#append(this.#decoder.decode(chunk, { stream: true }));
  }

  #append(text: string): void {
    const room = this.#part - this.#head.length;
    this.#head += text.slice(0, room);
    const rest = this.#tail + text.slice(Math.max(room, 0));
    this.#tail = rest.slice(-this.#part);
    this.#dropped += rest.length - this.#tail.length;
  }

  /** At most 10,000 characters and the note. */
  get text(): string {
    if (this.#dropped === 0) return boundText(this.#redactor.text(this.#head + this.#tail));
    const margin = this.#redactor.longest;
    const [head, tail] = [this.#head, this.#tail].map((part) => this.#redactor.text(part)) as [
      string,
      string,
    ];
    const shown = (part: string) => Math.max(0, Math.min(HALF, part.length - margin));
    return join(
      head.slice(0, shown(head)),
      this.#dropped + 2 * margin,
      tail.slice(tail.length - shown(tail)),
    );
  }
}
