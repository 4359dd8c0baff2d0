import { createInterface } from 'node:readline/promises';
import { printable } from '../../core/printable.ts';
import { streams, widthOf } from './streams.ts';
import { wrapped } from './wrap.ts';

/** Ctrl-C, or the end of the input, in place of an answer. */
export class NoAnswerError extends Error {
  override readonly name = 'NoAnswerError';
}

/** Asks one line on the terminal. Throws NoAnswerError on Ctrl-C, at the end of the input, and on the signal. */
export async function ask(question: string, signal?: AbortSignal): Promise<string> {
  const terminal = createInterface({ input: streams.in, output: streams.err });
  try {
    const closed = new Promise<never>((_resolve, reject) => {
      const giveUp = () => reject(new NoAnswerError('There was no answer.'));
      terminal.once('SIGINT', giveUp);
      terminal.once('close', giveUp);
      signal?.addEventListener('abort', giveUp, { once: true });
    });
    return (await Promise.race([terminal.question(promptOf(question)), closed])).trim();
  } catch (error) {
    streams.err.write('\n');
    throw error;
  } finally {
    terminal.close();
  }
}

/** A long question is broken between words, as other messages are. */
function promptOf(question: string): string {
  const width = widthOf(streams.err);
  const text = printable(question).trimEnd();
  return `${width === undefined ? text : wrapped(text, width - 2)} `;
}

/** Whether the answer is yes; nothing stands for no. */
export async function confirm(question: string): Promise<boolean> {
  return /^y(?:es)?$/i.test(await ask(`${question} [y/N] `));
}
