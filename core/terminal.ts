import { printable, printableJson } from './printable.ts';

/** What a command has found out, for its standard output. Everything that a command prints passes here. */
export function print(text: string): void {
  process.stdout.write(printable(text));
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** What goes to the terminal but is not a result. */
export function tell(line: string, out: NodeJS.WritableStream = process.stderr): void {
  out.write(`${printable(line)}\n`);
}
