import { readFile } from 'node:fs/promises';
import { text as readAll } from 'node:stream/consumers';
import { UsageError } from '../../core/errors.ts';
import { userPath } from '../connect/folders.ts';
import { streams } from '../terminal/streams.ts';

/** The text of a file that an option names; `-` is standard input. */
export async function readInput(given: string, option: string): Promise<string> {
  if (given === '-') return readAll(streams.in);
  try {
    return await readFile(userPath(given), 'utf8');
  } catch (error) {
    throw new UsageError(`${option} cannot be read: ${(error as Error).message}`);
  }
}
