import { Command, Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { setStatus } from './status.ts';

export { Option };

/** How a command describes itself: a line for lists, more for its own help, and examples. */
export type Description = {
  summary: string;
  description?: string;
  /** Command lines without `cody-batch`, with what they do. */
  examples: readonly (readonly [line: string, meaning: string])[];
};

/** A command without options, whose help has examples. */
export function describeCommand(name: string, { summary, description, examples }: Description): Command {
  const command = new Command(name)
    .summary(summary)
    .description(description ?? `${capital(summary)}.`)
    .helpOption('-h, --help', 'show this help')
    .exitOverride()
    .configureOutput({ outputError: () => {} })
    .showSuggestionAfterError(true);
  const lines = examples.map(([line, meaning]) => `  cody-batch ${line}\n      ${meaning}`);
  return lines.length === 0 ? command : command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}

/** What a command does with its arguments and options. Returns the exit status; any other value stands for 0. */
type Action<O> = (options: O, ...args: never[]) => Promise<unknown>;

/** Sets a command's action. `O` has its options as commander names them. */
export function onRun<O>(command: Command, action: Action<O>): Command {
  return command.action(async (...given: unknown[]) => {
    const self = given.pop() as Command;
    given.pop();
    const status = await action(self.optsWithGlobals() as O, ...(given as never[]));
    setStatus(typeof status === 'number' ? status : 0);
  });
}

/** A value that is added to those before it. */
export function collect(value: string, before: string[] | undefined): string[] {
  return [...(before ?? []), value];
}

/** An option that takes a whole number from 1. */
export function wholeNumberOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => wholeNumber(longOf(flags), text));
}

/** An option that takes a number above 0. */
export function positiveNumberOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text) => positiveNumber(longOf(flags), text));
}

/** Throws UsageError unless `text` is a whole number from 1. */
export function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a whole number from 1.`);
}

/** Throws UsageError unless `text` is a number above 0. */
export function positiveNumber(name: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new UsageError(`--${name} is ${JSON.stringify(text)}; expected a number above 0.`);
}

function longOf(flags: string): string {
  return /--([\w-]+)/.exec(flags)![1]!;
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
