import { printable, printableJson } from './printable.ts';

/** Prints a command's result to standard output, without control characters. */
export function print(text: string): void {
  process.stdout.write(printable(text));
}

export function printJson(value: unknown): void {
  process.stdout.write(`${printableJson(value)}\n`);
}

/** Prints progress and hints, which are not a result. */
export function tell(line: string, out: NodeJS.WritableStream = process.stderr): void {
  out.write(`${printable(line)}\n`);
}
