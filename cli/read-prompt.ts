import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { UsageError } from '../core/errors.ts';
import { invocationFolder } from './folders.ts';

/** Throws UsageError unless exactly one of the two options is given and the text is not blank. */
export async function readPrompt(options: { prompt?: string; 'prompt-file'?: string }): Promise<string> {
  const { prompt, 'prompt-file': file } = options;
  if ((prompt === undefined) === (file === undefined)) {
    throw new UsageError('Give the change to make by --prompt, or by --prompt-file.');
  }
  const text = prompt ?? (await readPromptFile(path.resolve(invocationFolder(), file!)));
  if (text.trim() === '') {
    throw new UsageError('The prompt is empty. Describe in words what to change.');
  }
  return text;
}

async function readPromptFile(file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--prompt-file cannot be read: ${(error as Error).message}`);
  }
}
