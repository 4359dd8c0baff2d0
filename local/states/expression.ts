import { createHash, randomUUID } from 'node:crypto';
import type { Json } from './payload.ts';
import { runtimeError, StateError } from './state-error.ts';

/** The value of `$$` while a state runs. `Map` is present only while a Map's ItemSelector is evaluated. */
export type Context = {
  Execution: { Id: string; Name: string; StartTime: string; Input: Json };
  StateMachine: { Id: string; Name: string };
  Map?: { Item: { Index: number; Value: Json } };
};

/** Where an expression is evaluated. Only an ItemSelector has an item. */
export type ExpressionScope = 'state' | 'item';

export type Expression =
  | { kind: 'path'; text: string; ofContext: boolean; keys: string[] }
  | { kind: 'literal'; value: Json }
  | { kind: 'call'; name: string; args: Expression[] };

/** A reference path: one value, without wildcards and filters, which the engine and AWS evaluate differently. */
export const REFERENCE_PATH = /^\$(?:\.[A-Za-z_][A-Za-z0-9_-]*|\[\d+\])*$/;

const CONTEXT_PATHS: Record<ExpressionScope, RegExp> = {
  state: /^\$\$\.(?:Execution\.(?:Id|Name|StartTime|Input(?:\.[\w-]+|\[\d+\])*)|StateMachine\.(?:Id|Name))$/,
  item: /^\$\$\.(?:Execution\.(?:Id|Name|StartTime|Input(?:\.[\w-]+|\[\d+\])*)|StateMachine\.(?:Id|Name)|Map\.Item\.(?:Index|Value(?:\.[\w-]+|\[\d+\])*))$/,
};

const SUPPORTED_CONTEXT: Record<ExpressionScope, string> = {
  state: '$$.Execution.Id, .Name, .StartTime, .Input; $$.StateMachine.Id, .Name',
  item: '$$.Execution.Id, .Name, .StartTime, .Input; $$.StateMachine.Id, .Name; $$.Map.Item.Index, .Value',
};

type Intrinsic = { min: number; max: number; apply(args: Json[]): Json };

const INTRINSICS: Readonly<Record<string, Intrinsic>> = {
  'States.Format': { min: 1, max: Number.POSITIVE_INFINITY, apply: format },
  'States.Array': { min: 0, max: Number.POSITIVE_INFINITY, apply: (args) => args },
  'States.ArrayLength': { min: 1, max: 1, apply: ([array]) => expectArray(array).length },
  'States.MathAdd': { min: 2, max: 2, apply: ([a, b]) => expectNumber(a) + expectNumber(b) },
  'States.JsonToString': { min: 1, max: 1, apply: ([value]) => JSON.stringify(value) },
  'States.UUID': { min: 0, max: 0, apply: () => randomUUID() },
  'States.Hash': { min: 2, max: 2, apply: hash },
};

function intrinsicFailure(cause: string): StateError {
  return new StateError('States.IntrinsicFailure', cause);
}

function expectArray(value: Json | undefined): Json[] {
  if (!Array.isArray(value)) throw intrinsicFailure(`${JSON.stringify(value)} is not an array.`);
  return value;
}

function expectNumber(value: Json | undefined): number {
  if (typeof value !== 'number') throw intrinsicFailure(`${JSON.stringify(value)} is not a number.`);
  return value;
}

function format([template, ...values]: Json[]): string {
  if (typeof template !== 'string') throw intrinsicFailure('States.Format needs a string first.');
  const pieces = template.split('{}');
  if (pieces.length !== values.length + 1) {
    throw intrinsicFailure(`States.Format has ${pieces.length - 1} {} and ${values.length} values.`);
  }
  return pieces.reduce((text, piece, index) => {
    const value = values[index - 1];
    if (typeof value === 'object' && value !== null) {
      throw intrinsicFailure('States.Format takes strings, numbers, booleans and null.');
    }
    return text + String(value) + piece;
  });
}

const HASHES: Readonly<Record<string, string>> = {
  MD5: 'md5',
  'SHA-1': 'sha1',
  'SHA-256': 'sha256',
  'SHA-384': 'sha384',
  'SHA-512': 'sha512',
};

/** Hashes strings only: AWS does not document how it writes other values before it hashes them. */
function hash([text, algorithm]: Json[]): string {
  if (typeof text !== 'string') throw intrinsicFailure('States.Hash takes a string here.');
  const name = typeof algorithm === 'string' ? HASHES[algorithm] : undefined;
  if (!name)
    throw intrinsicFailure(
      `States.Hash has no algorithm ${JSON.stringify(algorithm)}; supported are ${Object.keys(HASHES).join(', ')}.`,
    );
  return createHash(name).update(text).digest('hex');
}

/** Parses the value of a `.$` field. The Error that it throws lists what is supported. */
export function parseExpression(text: string, scope: ExpressionScope): Expression {
  const parser = new ExpressionParser(text, scope);
  const expression = parser.expression();
  parser.end();
  if (expression.kind === 'literal') {
    throw new Error(`${JSON.stringify(text)} is neither a path ($.name) nor an intrinsic function`);
  }
  return expression;
}

class ExpressionParser {
  readonly #text: string;
  readonly #scope: ExpressionScope;
  #at = 0;

  constructor(text: string, scope: ExpressionScope) {
    this.#text = text;
    this.#scope = scope;
  }

  expression(): Expression {
    this.#take(/\s*/y);
    const path = this.#take(/\$[^\s,)]*/y);
    if (path !== undefined) return this.#path(path);
    const string = this.#take(/'(?:[^'\\]|\\['\\])*'/y);
    if (string !== undefined) {
      return { kind: 'literal', value: string.slice(1, -1).replace(/\\(['\\])/g, '$1') };
    }
    const scalar = this.#take(/-?\d+(?:\.\d+)?|true\b|false\b|null\b/y);
    if (scalar !== undefined) return { kind: 'literal', value: JSON.parse(scalar) };
    const name = this.#take(/States\.\w+(?=\()/y);
    if (name !== undefined) return this.#call(name);
    throw new Error(
      `${JSON.stringify(this.#text)} does not parse at ${JSON.stringify(this.#text.slice(this.#at))}; ` +
        `supported are paths, numbers, 'strings' (escapes \\' and \\\\) and ${Object.keys(INTRINSICS).join(', ')}`,
    );
  }

  end(): void {
    this.#take(/\s*/y);
    if (this.#at !== this.#text.length) {
      throw new Error(`${JSON.stringify(this.#text)} has text after its end: ${this.#text.slice(this.#at)}`);
    }
  }

  #take(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.#at;
    const [found] = pattern.exec(this.#text) ?? [];
    if (found !== undefined) this.#at += found.length;
    return found;
  }

  #path(text: string): Expression {
    const ofContext = text.startsWith('$$');
    if (ofContext && !CONTEXT_PATHS[this.#scope].test(text)) {
      throw new Error(`${text} is not in the context here; supported: ${SUPPORTED_CONTEXT[this.#scope]}`);
    }
    if (!ofContext && !REFERENCE_PATH.test(text)) {
      throw new Error(`${text} is not a reference path; supported: $, $.name.name and $.name[0]`);
    }
    return { kind: 'path', text, ofContext, keys: pathKeys(text) };
  }

  #call(name: string): Expression {
    const intrinsic = INTRINSICS[name];
    if (!intrinsic) {
      throw new Error(
        `${name} is not supported; supported intrinsic functions: ${Object.keys(INTRINSICS).join(', ')}`,
      );
    }
    this.#take(/\(\s*/y);
    const args: Expression[] = [];
    if (this.#take(/\)/y) === undefined) {
      do args.push(this.expression());
      while (this.#take(/\s*,/y) !== undefined);
      if (this.#take(/\s*\)/y) === undefined) throw new Error(`${name} has no closing parenthesis`);
    }
    if (args.length < intrinsic.min || args.length > intrinsic.max) {
      throw new Error(`${name} does not take ${args.length} arguments`);
    }
    return { kind: 'call', name, args };
  }
}

/** Returns the expression's value. As on AWS, a path without a value is States.Runtime, which nothing catches. */
export function evaluateExpression(expression: Expression, input: Json, context: Context): Json {
  if (expression.kind === 'literal') return expression.value;
  if (expression.kind === 'call') {
    const args = expression.args.map((arg) => evaluateExpression(arg, input, context));
    return INTRINSICS[expression.name]!.apply(args);
  }
  const root = expression.ofContext ? context : input;
  return followPath(root as Json, expression.keys, expression.text);
}

/** Returns a function that reads a reference path of a state's input. */
export function compilePath(path: string): (input: Json) => Json {
  const keys = pathKeys(path);
  return (input) => followPath(input, keys, path);
}

function pathKeys(path: string): string[] {
  return path.match(/[A-Za-z0-9_-]+/g) ?? [];
}

function followPath(root: Json, keys: readonly string[], path: string): Json {
  let value: Json | undefined = root;
  for (const key of keys) {
    if (Array.isArray(value)) value = value[Number(key)];
    else if (typeof value === 'object' && value !== null && Object.hasOwn(value, key)) value = value[key];
    else value = undefined;
  }
  if (value === undefined) throw runtimeError(`The path '${path}' could not be found in the state's input.`);
  return value;
}
