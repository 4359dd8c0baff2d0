import { styleText } from 'node:util';
import { type OutStream, streams } from './streams.ts';

type Format = Parameters<typeof styleText>[0];

/** Colours text for a stream. NO_COLOR, FORCE_COLOR, a pipe and TERM=dumb are honoured. */
export function style(format: Format, text: string, stream: OutStream = streams.out): string {
  return hasColours(stream) ? styleText(format, text, { validateStream: false }) : text;
}

export function hasColours(stream: OutStream = streams.out): boolean {
  const { NO_COLOR, FORCE_COLOR, TERM } = process.env;
  // FORCE_COLOR wins over NO_COLOR, as in Node.js.
  if (FORCE_COLOR !== undefined) return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
  return !NO_COLOR && TERM !== 'dumb' && Boolean(stream.isTTY);
}

const OF_STATUS: Readonly<Record<string, Format>> = {
  completed: 'green',
  changed: 'green',
  merged: 'magenta',
  open: 'green',
  approve: 'green',
  unchanged: 'gray',
  pending: 'gray',
  processing: 'cyan',
  waiting: 'yellow',
  cancelled: 'yellow',
  gaveUp: 'red',
  failed: 'red',
  reject: 'red',
};

/** Colours a word that begins with a status, an outcome or a decision. */
export function styleStatus(word: string, stream: OutStream = streams.out): string {
  const format = OF_STATUS[word.split(' ')[0]!];
  return format ? style(format, word, stream) : word;
}
