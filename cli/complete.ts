import completions from '@bomb.sh/tab';
import tab from '@bomb.sh/tab/commander';
import type { Command } from 'commander';
import { listContexts } from './connect/contexts.ts';
import { LOCAL } from './connect/target.ts';
import { commandNamed, isCommand, programFor } from './program.ts';

/** A command that the library adds; the scripts come from `completion`. */
const SCRIPT_COMMAND = 'completion-script';

/** Prints what could follow the words; the scripts of `completion` call `cody-batch complete -- WORDS`. */
export async function complete(args: readonly string[]): Promise<void> {
  const words = args[0] === '--' ? args.slice(1) : [...args];
  const at = words.slice(0, -1).findIndex(isCommand);
  // The library does not know other names of a command.
  if (at !== -1) words[at] = commandNamed(words[at]!);
  const name = words[at];
  // The options of a command are of use only behind it, so no other one is loaded.
  const program = await programFor(name);
  // A candidate is one line, and descriptions may have more.
  for (const command of program.commands) command.description(command.summary());
  // Another name, because the program has a command of this name already.
  tab(program, { completionCommandName: SCRIPT_COMMAND });
  completions.commands.delete(SCRIPT_COMMAND);
  const named = program.commands.find((command) => command.name() === name);
  if (named) await offerValues(named, words);
  completions.parse(words);
}

/** Offers values that no help lists: contexts, and jobs. */
async function offerValues(command: Command, words: readonly string[]): Promise<void> {
  const contexts = () => [
    [LOCAL, 'this machine'] as const,
    ...listContexts().map(({ name, api }) => [name, api] as const),
  ];
  for (const one of completions.commands.values()) {
    const option = one.options.get('context');
    if (option) option.handler = offering(contexts());
    const isNamed = /^context (?:use|remove)$/.test(one.value);
    const argument = isNamed ? one.arguments.get('name') : undefined;
    if (argument) argument.handler = offering(contexts());
  }
  const job = completions.commands.get(command.name())?.arguments.get('job');
  if (!job || words.at(-1)?.startsWith('--')) return;
  const { jobCandidates } = await import('./jobs/job-candidates.ts');
  job.handler = offering(await jobCandidates(words));
}

type Candidates = readonly (readonly [value: string, description: string])[];

function offering(candidates: Candidates) {
  return (add: (value: string, description: string) => void) => {
    for (const [value, description] of candidates) add(value, description);
  };
}
