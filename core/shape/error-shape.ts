/** Part of every shape of a failure. Raise it with any change of the rules. */
const VERSION = 1;
/** Of each part, so that a list of rows stays small. */
const MAX_PART = 120;
/** Longer messages are truncated to this before they are read. */
const MAX_MESSAGE = 2_000;
const MAX_LINES = 1_000;

export type Failure = {
  end?: string | undefined;
  error?: { name: string; message: string } | undefined;
  verification?:
    | readonly {
        command: string;
        exitCode: number | null;
        baseExitCode?: number | null | undefined;
        output: string;
      }[]
    | undefined;
};

/**
 * Returns the class of a failure, such as `1:maxTurns · npm test exited 1 · TypeError: … is not a function`: how the
 * conversation ended, the error, and the first command that failed because of the change. Numbers, hex, paths and quoted
 * text are left out, so that repositories that failed in the same way have equal texts. The text after the colon is for
 * people; parts of it come from the repository and its commands, so it is untrusted.
 */
export function errorShape({ end, error, verification = [] }: Failure): string {
  const failed = verification.find(({ exitCode, baseExitCode }) => exitCode !== 0 && !(baseExitCode ?? 0));
  const line = failed && errorLine(failed.output);
  const parts = [
    end === 'submitted' ? undefined : end,
    error && `${error.name}: ${withoutParticulars(error.message)}`,
    failed && `${oneLine(failed.command)} ${exitOf(failed.exitCode)}`,
    line && withoutParticulars(line),
  ].filter((part) => part !== undefined && part !== '');
  return `${VERSION}:${parts.map((part) => shorten(part!)).join(' · ') || 'failed'}`;
}

function exitOf(exitCode: number | null): string {
  return exitCode === null ? 'was ended by a signal' : `exited ${exitCode}`;
}

/** A named error or `error:` says more than a line that only has such a word. */
function errorLine(output: string): string | undefined {
  const lines = output
    .split('\n', MAX_LINES)
    .map((line) => oneLine(line.slice(0, MAX_MESSAGE)))
    .filter((line) => !/\b(?:0|no) (?:errors?|failures?|failed)\b/i.test(line));
  return (
    lines.find((line) => /\b[A-Z]\w*(?:Error|Exception)\b|\b(?:error|fatal|panic)\b.{0,10}:/i.test(line)) ??
    lines.find((line) => /\b(?:error|fail(?:ed|ure)?|fatal|panic|cannot|denied|not found)\b/i.test(line))
  );
}

/** The words of a message that every repository with this failure has. */
function withoutParticulars(message: string): string {
  return oneLine(message.slice(0, MAX_MESSAGE))
    .replace(/(?<!\w)(["'`])(?:(?!\1).)*\1(?!\w)/g, '…')
    .replace(/\bhttps?:\S+/g, '…')
    .replace(/[^\s"'`(),:;=<>[\]{}]*[/\\][^\s"'`(),:;=<>[\]{}]*/g, '…')
    .replace(/(?<![\w.-])[\w.-]+\.\w{1,5}(?=[(:]\d)/g, '…')
    .replace(/\b(?:0x[0-9a-f]+|(?=[a-f]*\d)[0-9a-f]{7,}(?:-[0-9a-f]+)*)\b/gi, '…')
    .replace(/\b(?=[a-z_]*\d)(?=\d*[a-z_])\w{10,}\b/gi, '…')
    .replace(/(?<!\w)\d(?:[\d.,:-]*\d)?(?:[a-zµ%]{1,4}\b)?/g, 'N')
    .replace(/…(?::N)+/g, '…')
    .trim();
}

/** Without what a terminal obeys and what shows nothing. */
function oneLine(text: string): string {
  return (
    text
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colours of a terminal begin with ESC.
      .replace(/\u001b\[[0-9;]*[A-Za-z]/g, '')
      .replace(/[\p{Cc}\p{Cf}\p{Default_Ignorable_Code_Point}\u2028\u2029\s]+/gu, ' ')
      .trim()
  );
}

function shorten(text: string): string {
  const characters = [...text];
  return characters.length > MAX_PART ? `${characters.slice(0, MAX_PART - 1).join('')}…` : text;
}
