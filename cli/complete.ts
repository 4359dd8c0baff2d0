import completions from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import { programFor } from './program.ts';

/** A command that the library adds; the scripts come from `completion`. */
const SCRIPT_COMMAND = 'completion-script';

/** Prints what could follow the words; the scripts of `completion` call `cody-batch complete -- WORDS`. */
export async function complete(args: readonly string[]): Promise<void> {
  const program = await programFor(undefined, true);
  // A candidate is one line, and descriptions may have more.
  for (const command of program.commands) command.description(command.summary());
  // Another name, because the program has a command of this name already.
  tab(program, { completionCommandName: SCRIPT_COMMAND });
  completions.commands.delete(SCRIPT_COMMAND);
  completions.parse(args[0] === '--' ? args.slice(1) : [...args]);
}
