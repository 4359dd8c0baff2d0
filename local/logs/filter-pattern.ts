import { LogsError } from './logs-error.ts';

/**
 * Whether a line fits a filter pattern of CloudWatch Logs: terms (`ERROR`, `"two words"`, `-without`, `?either ?or`), or
 * comparisons of JSON fields (`{ $.level = "error" && $.jobId = "job-*" }`). Other patterns are refused:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */
export function matcher(pattern: string): (line: string) => boolean {
  const trimmed = pattern.trim();
  if (trimmed === '') return () => true;
  return trimmed.startsWith('{') ? jsonMatcher(trimmed) : termMatcher(trimmed);
}

const TERM = /([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?:\s+|$)/y;

function termMatcher(pattern: string): (line: string) => boolean {
  const terms: { sign: string; text: string }[] = [];
  TERM.lastIndex = 0;
  while (TERM.lastIndex < pattern.length) {
    const found = TERM.exec(pattern);
    const word = found?.[3] ?? '';
    if (!found || /^[[%{]/.test(word)) throw refused(pattern);
    terms.push({ sign: found[1]!, text: found[2]?.replace(/\\(.)/g, '$1') ?? word });
  }
  const of = (sign: string) => terms.filter((term) => term.sign === sign).map(({ text }) => text);
  const [all, none, any] = [of(''), of('-'), of('?')];
  return (line) =>
    all.every((text) => line.includes(text)) &&
    !none.some((text) => line.includes(text)) &&
    (any.length === 0 || any.some((text) => line.includes(text)));
}

const COMPARISON = /^\(?\s*\$\.([\w.]+)\s*(=|!=|>=|<=|>|<)\s*("(?:[^"\\]|\\.)*"|[\w.*:#-]+)\s*\)?$/;

/** Disjunctions of conjunctions, without brackets around several. */
function jsonMatcher(pattern: string): (line: string) => boolean {
  const inner = /^\{([\s\S]*)\}$/.exec(pattern)?.[1];
  if (inner === undefined) throw refused(pattern);
  const alternatives = inner.split('||').map((part) =>
    part.split('&&').map((text) => {
      const found = COMPARISON.exec(text.trim());
      if (!found) throw refused(pattern);
      return comparison(found[1]!.split('.'), found[2]!, found[3]!);
    }),
  );
  return (line) => {
    const value = parsed(line);
    return value !== undefined && alternatives.some((all) => all.every((holds) => holds(value)));
  };
}

function comparison(fields: string[], operator: string, given: string): (value: unknown) => boolean {
  const text = given.startsWith('"') ? given.slice(1, -1).replace(/\\(.)/g, '$1') : given;
  const pattern = new RegExp(`^${text.replace(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`, 's');
  return (value) => {
    let actual = value;
    for (const field of fields) actual = (actual as Record<string, unknown> | undefined)?.[field];
    if (actual === undefined || actual === null) return false;
    if (operator === '=') return pattern.test(String(actual));
    if (operator === '!=') return !pattern.test(String(actual));
    const [left, right] = [Number(actual), Number(text)];
    if (operator === '>') return left > right;
    if (operator === '<') return left < right;
    return operator === '>=' ? left >= right : left <= right;
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function refused(pattern: string): LogsError {
  return new LogsError(
    'InvalidParameterException',
    `The filter pattern ${JSON.stringify(pattern)} is not supported by the local logs. Use terms, or comparisons such as { $.level = "error" }.`,
  );
}
