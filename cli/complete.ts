import completions from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import { programFor } from './program.ts';

/** Prints what could follow the words; the scripts of `completion` call `cody-batch complete -- WORDS`. */
export async function complete(args: readonly string[]): Promise<void> {
  // Another name, because the program has a command of this name already.
  tab(await programFor(undefined, true), { completionCommandName: 'completion-script' });
  completions.parse(args[0] === '--' ? args.slice(1) : [...args]);
}
