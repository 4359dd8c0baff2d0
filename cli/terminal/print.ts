import { printable, printableJson } from '../../core/printable.ts';
import { streams, widthOf } from './streams.ts';
import { wrapped } from './wrap.ts';

/** Prints a command's result. Text of models and repositories is in it, so nothing of it may control the terminal. */
export function print(text: string): void {
  streams.out.write(printable(text));
}

/** Prints sentences that are a result. On a terminal a long line is broken between words. */
export function printProse(text: string): void {
  const width = widthOf(streams.out);
  const safe = printable(text);
  streams.out.write(width === undefined ? safe : wrapped(safe, width - 1));
}

/** Prints text with colours, every other part of which has passed `printable`. */
export function printStyled(text: string): void {
  streams.out.write(text);
}

/** Prints one JSON document. */
export function printJson(value: unknown): void {
  if (isUnderLoudNpm()) {
    tell(
      'npm printed its own lines before this document. Run `npm run -s cody -- …` or `npx cody-batch …` for JSON alone.',
    );
  }
  streams.out.write(`${printableJson(value)}\n`);
}

/** Prints progress and hints, which are not a result. On a terminal a long line is broken between words. */
export function tell(line: string): void {
  const width = widthOf(streams.err);
  const text = printable(line);
  streams.err.write(`${width === undefined ? text : wrapped(text, width - 1)}\n`);
}

function isUnderLoudNpm(): boolean {
  const { npm_lifecycle_event: script, npm_config_loglevel: level } = process.env;
  return script === 'cody' && level !== 'silent';
}
