/**
 * Whether a filter pattern of CloudWatch Logs matches a line, by the documented syntax of JSON patterns and of terms:
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
 * Throws for syntax that it does not know.
 */
export function matchesPattern(pattern: string, line: string): boolean {
  const trimmed = pattern.trim();
  if (trimmed === '') return true;
  if (!trimmed.startsWith('{')) return matchesTerms(trimmed, line);
  const event = parsed(line);
  return event !== undefined && new Expression(trimmed.slice(1, -1)).holds(event);
}

/** `a b` are all needed, of `?a ?b` one, and `-a` must be absent. A term in quotes may have spaces. */
function matchesTerms(pattern: string, line: string): boolean {
  const terms = [...pattern.matchAll(/([?-]?)(?:"((?:[^"\\]|\\.)*)"|(\S+))/g)].map(
    ([, sign, quoted, bare]) => ({
      sign,
      isThere: line.includes(quoted?.replaceAll(/\\(.)/g, '$1') ?? bare!),
    }),
  );
  const optional = terms.filter(({ sign }) => sign === '?');
  return (
    terms.every(({ sign, isThere }) => (sign === '-' ? !isThere : sign === '?' || isThere)) &&
    (optional.length === 0 || optional.some(({ isThere }) => isThere))
  );
}

const TOKEN =
  /\s*(&&|\|\||[()]|!=|<=|>=|=|<|>|IS NULL|IS TRUE|IS FALSE|NOT EXISTS|\$[\w.[\]]*|"(?:[^"\\]|\\.)*"|[^\s()=<>&|!]+)/y;

const OPERATORS = ['=', '!=', '<', '>', '<=', '>='];

/** A JSON pattern, without its braces. */
class Expression {
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

  holds(event: object): boolean {
    const value = this.#any(event);
    if (this.#tokens.length > 0) throw new SyntaxError(`Unexpected: ${this.#tokens.join(' ')}`);
    return value;
  }

  #any(event: object): boolean {
    let value = this.#all(event);
    while (this.#takes('||')) value = this.#all(event) || value;
    return value;
  }

  #all(event: object): boolean {
    let value = this.#one(event);
    while (this.#takes('&&')) value = this.#one(event) && value;
    return value;
  }

  #one(event: object): boolean {
    if (this.#takes('(')) {
      const value = this.#any(event);
      if (!this.#takes(')')) throw new SyntaxError('A ")" is missing');
      return value;
    }
    const [selector, operator] = [this.#next(), this.#next()];
    if (!selector.startsWith('$.')) throw new SyntaxError(`Not a selector: ${selector}`);
    const value = select(event, selector);
    if (operator === 'NOT EXISTS') return value === undefined;
    if (operator === 'IS NULL') return value === null;
    if (operator === 'IS TRUE' || operator === 'IS FALSE') return value === (operator === 'IS TRUE');
    if (!OPERATORS.includes(operator)) throw new SyntaxError(`Not an operator: ${operator}`);
    return compares(value, operator, this.#next());
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

/** A field that is absent equals nothing, and differs from nothing. */
function compares(value: unknown, operator: string, expected: string): boolean {
  if (value === undefined || value === null) return false;
  const isText = expected.startsWith('"') || Number.isNaN(Number(expected));
  if (operator === '=' || operator === '!=') {
    const isEqual = isText
      ? typeof value === 'string' && wildcard(expected.replaceAll(/^"|"$/g, '')).test(value)
      : value === Number(expected);
    return isEqual === (operator === '=');
  }
  if (typeof value !== 'number') return false;
  const number = Number(expected);
  if (operator === '<') return value < number;
  if (operator === '>') return value > number;
  if (operator === '<=') return value <= number;
  return value >= number;
}

export function wildcard(text: string): RegExp {
  const parts = text.split('*').map((part) => part.replaceAll(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

function select(event: object, selector: string): unknown {
  let value: unknown = event;
  for (const name of selector
    .slice(2)
    .replaceAll(/\[(\d+)\]/g, '.$1')
    .split('.'))
    value = (value as Record<string, unknown> | null | undefined)?.[name];
  return value;
}

function parsed(line: string): object | undefined {
  try {
    const value = JSON.parse(line);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
