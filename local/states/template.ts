import {
  type Context,
  type Expression,
  type ExpressionScope,
  evaluateExpression,
  parseExpression,
} from './expression.ts';
import type { Json } from './payload.ts';

/** A compiled payload template (Parameters, ResultSelector, ItemSelector). */
export type Template = (input: Json, context: Context) => Json;

export type TemplateProblem = { path: (string | number)[]; message: string };

/** Finds everything in a payload template that cannot be filled, with its path in the template. */
export function templateProblems(template: unknown, scope: ExpressionScope): TemplateProblem[] {
  const problems: TemplateProblem[] = [];
  const visit = (value: unknown, path: (string | number)[]): void => {
    if (Array.isArray(value)) {
      for (const [index, element] of value.entries()) visit(element, [...path, index]);
    } else if (typeof value === 'object' && value !== null) {
      for (const [key, field] of Object.entries(value)) {
        if (!key.endsWith('.$')) visit(field, [...path, key]);
        else if (typeof field !== 'string') {
          problems.push({ path: [...path, key], message: 'a field that ends in .$ needs a string' });
        } else {
          try {
            parseExpression(field, scope);
          } catch (error) {
            problems.push({ path: [...path, key], message: (error as Error).message });
          }
        }
      }
    }
  };
  visit(template, []);
  return problems;
}

/** Parses the template once, so that filling it for each of 10,000 items only evaluates it. */
export function compileTemplate(template: unknown, scope: ExpressionScope): Template {
  if (Array.isArray(template)) {
    const elements = template.map((element) => compileTemplate(element, scope));
    return (input, context) => elements.map((element) => element(input, context));
  }
  if (typeof template !== 'object' || template === null) return () => template as Json;
  const fields = Object.entries(template).map(([key, value]): [string, Template] =>
    key.endsWith('.$')
      ? [key.slice(0, -'.$'.length), filler(parseExpression(value as string, scope))]
      : [key, compileTemplate(value, scope)],
  );
  return (input, context) => Object.fromEntries(fields.map(([key, fill]) => [key, fill(input, context)]));
}

function filler(expression: Expression): Template {
  return (input, context) => evaluateExpression(expression, input, context);
}
