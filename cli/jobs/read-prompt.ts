import { UsageError } from '../../core/errors.ts';
import { readInput } from './read-input.ts';

/** The prompt by option; undefined if a file of a job may have it. Throws UsageError if it is blank or given twice. */
export async function readPrompt({
  prompt,
  promptFile,
}: {
  prompt?: string;
  promptFile?: string;
}): Promise<string | undefined> {
  if (prompt !== undefined && promptFile !== undefined) {
    throw new UsageError(
      '--prompt and --prompt-file are both given. Give the change to make by one of them.',
    );
  }
  const text = promptFile === undefined ? prompt : await readInput(promptFile, '--prompt-file');
  if (text?.trim() === '') throw new UsageError('The prompt is empty. Describe in words what to change.');
  return text;
}
