/**
 * The filter patterns of CloudWatch Logs: terms (`ERROR`, `"two words"`, `-without`, `?either ?or`), and comparisons of JSON
 * fields (`{ ($.level = "error" || $.turns > 3) && $.jobId = "job-*" }`). Those of space-delimited fields and regular
 * expressions are not known here:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 */

type Holds<Of> = (value: Of) => boolean;

/** Returns whether a line fits the pattern. Throws a SyntaxError for a pattern that is not known here. */
export function matcher(pattern: string): Holds<string> {
  const trimmed = pattern.trim();
  if (trimmed === '') return () => true;
  if (!trimmed.startsWith('{')) return termMatcher(trimmed);
  if (!trimmed.endsWith('}')) throw new SyntaxError(`The "}" at the end is missing: ${trimmed}`);
  const holds = new Parser(trimmed.slice(1, -1)).whole();
  return (line) => {
    const event = parsed(line);
    return event !== undefined && holds(event);
  };
}

const TERM = /([?-]?)(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))(?:\s+|$)/y;

/** `a b` are all needed, of `?a ?b` one, and `-a` must be absent. */
function termMatcher(pattern: string): Holds<string> {
  const term = new RegExp(TERM);
  const terms: { sign: string; text: string }[] = [];
  while (term.lastIndex < pattern.length) {
    const from = term.lastIndex;
    const [, sign, quoted, bare = ''] = term.exec(pattern) ?? [];
    if (sign === undefined || /^[[%{]/.test(bare))
      throw new SyntaxError(`Not a term: ${pattern.slice(from)}`);
    terms.push({ sign, text: quoted === undefined ? bare : unescaped(quoted) });
  }
  const of = (sign: string) => terms.filter((one) => one.sign === sign).map(({ text }) => text);
  const [all, none, any] = [of(''), of('-'), of('?')];
  return (line) =>
    all.every((text) => line.includes(text)) &&
    !none.some((text) => line.includes(text)) &&
    (any.length === 0 || any.some((text) => line.includes(text)));
}

const TOKEN =
  /\s*(&&|\|\||[()]|!=|<=|>=|=|<|>|IS NULL|IS TRUE|IS FALSE|NOT EXISTS|\$[\w.[\]]*|"(?:[^"\\]|\\.)*"|[^\s()=<>&|!]+)/y;

const COMPARISONS: Readonly<Record<string, (value: number, expected: number) => boolean>> = {
  '<': (value, expected) => value < expected,
  '>': (value, expected) => value > expected,
  '<=': (value, expected) => value <= expected,
  '>=': (value, expected) => value >= expected,
};

/** Reads a JSON pattern without its braces. `&&` binds more strongly than `||`. */
class Parser {
  readonly #tokens: string[] = [];

  constructor(text: string) {
    const at = new RegExp(TOKEN);
    while (text.slice(at.lastIndex).trim() !== '') {
      const from = at.lastIndex;
      const token = at.exec(text)?.[1];
      if (token === undefined) throw new SyntaxError(`Unknown syntax: ${text.slice(from)}`);
      this.#tokens.push(token);
    }
  }

  whole(): Holds<object> {
    const holds = this.#any();
    if (this.#tokens.length > 0) throw new SyntaxError(`Unexpected: ${this.#tokens.join(' ')}`);
    return holds;
  }

  #any(): Holds<object> {
    const parts = [this.#all()];
    while (this.#takes('||')) parts.push(this.#all());
    return (event) => parts.some((holds) => holds(event));
  }

  #all(): Holds<object> {
    const parts = [this.#one()];
    while (this.#takes('&&')) parts.push(this.#one());
    return (event) => parts.every((holds) => holds(event));
  }

  #one(): Holds<object> {
    if (this.#takes('(')) {
      const holds = this.#any();
      if (!this.#takes(')')) throw new SyntaxError('A ")" is missing');
      return holds;
    }
    const selector = this.#next();
    if (!selector.startsWith('$.')) throw new SyntaxError(`Not a selector: ${selector}`);
    const holds = this.#condition();
    return (event) => holds(select(event, selector));
  }

  #condition(): Holds<unknown> {
    const operator = this.#next();
    if (operator === 'NOT EXISTS') return (value) => value === undefined;
    if (operator === 'IS NULL') return (value) => value === null;
    if (operator === 'IS TRUE' || operator === 'IS FALSE')
      return (value) => value === (operator === 'IS TRUE');
    if (operator === '=') return equals(this.#next());
    if (operator === '!=') {
      const isEqual = equals(this.#next());
      return (value) => value !== undefined && value !== null && !isEqual(value);
    }
    const compare = COMPARISONS[operator];
    if (!compare) throw new SyntaxError(`Not an operator: ${operator}`);
    const expected = Number(this.#next());
    return (value) => typeof value === 'number' && compare(value, expected);
  }

  #takes(token: string): boolean {
    if (this.#tokens[0] !== token) return false;
    this.#tokens.shift();
    return true;
  }

  #next(): string {
    const token = this.#tokens.shift();
    if (token === undefined) throw new SyntaxError('The pattern ends too early');
    return token;
  }
}

/** A text, in which `*` stands for any characters, or a number. */
function equals(expected: string): Holds<unknown> {
  if (/^[/%]/.test(expected)) throw new SyntaxError(`A regular expression: ${expected}`);
  if (!expected.startsWith('"') && !Number.isNaN(Number(expected)))
    return (value) => value === Number(expected);
  const text = wildcard(expected.startsWith('"') ? unescaped(expected.slice(1, -1)) : expected);
  return (value) => typeof value === 'string' && text.test(value);
}

function unescaped(text: string): string {
  return text.replaceAll(/\\(.)/g, '$1');
}

/** A whole text in which `*` stands for any characters. */
export function wildcard(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

function select(event: object, selector: string): unknown {
  const names = selector
    .slice(2)
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.');
  let value: unknown = event;
  for (const name of names) value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

function parsed(line: string): object | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
