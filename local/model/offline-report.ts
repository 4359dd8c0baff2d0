import type { Progress } from './replacement-progress.ts';

/** Longer texts are truncated in titles and sentences, but not in the body. */
const MAX_QUOTED = 40;

const MAX_FAILURES_SHOWN = 10;

/** Limits of task_complete, in characters. */
const MAX_SUMMARY = 4_000;
const MAX_BODY = 20_000;

/** The limit of task_complete's `notDone`, in entries. */
const MAX_NOT_DONE = 50;

export type ChangeDescription = { summary: string; title: string; body: string; notDone?: string[] };

/** Describes the change for a pull request; numbers come from the tool results. */
export function describeChange(progresses: readonly Progress[]): ChangeDescription {
  const sentences = progresses.map((progress) => `${sentence(progress)}${shortfall(progress)}`);
  const by = 'Done by the offline model of Cody Batch, which replaces literal texts and understands nothing.';
  const notDone = progresses.flatMap(leftUndone);
  return {
    ...(notDone.length > 0 && { notDone: withinEntries(notDone) }),
    summary: bounded([by, ...sentences].join(' '), MAX_SUMMARY),
    title: title(progresses),
    body: bounded(
      [
        `${by} Review every change as you would review the output of \`sed\`.`,
        '',
        ...progresses.map((progress) => `- ${bodyLine(progress)}`),
        ...progresses.flatMap(({ failures }) => failureLines(failures)),
      ].join('\n'),
      MAX_BODY,
    ),
  };
}

/** Files that could not be edited, each with its reason, and those that the searches left out. */
function leftUndone({ failures, leftOut }: Progress): string[] {
  return [
    ...failures.map(({ path, reason }) => `${path}: ${reason.split('\n')[0] ?? ''}`),
    ...(leftOut ? [`Files out of the search's reach: ${leftOut}`] : []),
  ];
}

function withinEntries(entries: readonly string[]): string[] {
  if (entries.length <= MAX_NOT_DONE) return [...entries];
  const shown = entries.slice(0, MAX_NOT_DONE - 1);
  return [...shown, `and ${entries.length - shown.length} more`];
}

function bounded(value: string, length: number): string {
  return value.length > length ? `${value.slice(0, length - 1)}…` : value;
}

/** The text in quotes, truncated to MAX_QUOTED characters. */
export function quoted(value: string): string {
  const characters = [...value];
  return `'${characters.length > MAX_QUOTED ? `${characters.slice(0, MAX_QUOTED - 1).join('')}…` : value}'`;
}

/** `1 file`, `60 files`. */
export function times(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function title([first, ...rest]: readonly Progress[]): string {
  const { from, to } = first!.replacement;
  const others = rest.length > 0 ? ` and ${times(rest.length, 'more text')}` : '';
  return `Replace ${quoted(from)} with ${quoted(to)}${others}`;
}

function sentence({ replacement: { from, to }, found, edited, occurrences }: Progress): string {
  if (found.length === 0) return `No file holds ${quoted(from)}.`;
  return `Replaced ${quoted(from)} with ${quoted(to)}${extent(edited.length, occurrences)}.`;
}

function extent(files: number, occurrences: number | undefined): string {
  return `${occurrences === undefined ? '' : ` ${times(occurrences, 'time')}`} in ${times(files, 'file')}`;
}

function shortfall({ failures, leftOut }: Progress): string {
  const failed =
    failures.length > 0 ? ` ${times(failures.length, 'file')} could not be edited: ${named(failures)}.` : '';
  return leftOut ? `${failed} Files out of the search's reach were not edited: ${leftOut}` : failed;
}

function named(failures: Progress['failures']): string {
  const shown = failures.slice(0, MAX_FAILURES_SHOWN).map(({ path }) => path);
  const more = failures.length - shown.length;
  return more > 0 ? `${shown.join(', ')} and ${more} more` : shown.join(', ');
}

function bodyLine({ replacement: { from, to }, found, edited, occurrences, leftOut }: Progress): string {
  if (found.length === 0) return `${codeSpan(from)} does not occur.`;
  const rest = leftOut ? ` Not reached: ${leftOut}` : '';
  return `${codeSpan(from)} → ${codeSpan(to)}:${extent(edited.length, occurrences)}.${rest}`;
}

function failureLines(failures: Progress['failures']): string[] {
  return failures
    .slice(0, MAX_FAILURES_SHOWN)
    .map(({ path, reason }) => `- Not edited: ${codeSpan(path)}: ${codeSpan(reason.split('\n')[0] ?? '')}`);
}

/** A Markdown code span; its fence is longer than any run of backticks in the text. */
function codeSpan(value: string): string {
  if (value === '') return '(nothing)';
  const longest = Math.max(0, ...(value.match(/`+/g) ?? []).map((run) => run.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${longest > 0 ? ` ${value} ` : value}${fence}`;
}
