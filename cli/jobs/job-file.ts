import { isCollection, isPair, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import { UsageError } from '../../core/errors.ts';
import { readInput } from './read-input.ts';

/** A job as a file, with the line of each field. */
export type JobFile = {
  name: string;
  value: Record<string, unknown>;
  /** Where the field is, or the nearest field above it that is there. */
  lineOf(path: readonly PropertyKey[]): number;
};

/** Reads a job of YAML or JSON, which is YAML too. Throws UsageError with the line of a fault. */
export async function readJobFile(given: string): Promise<JobFile> {
  const name = given === '-' ? 'standard input' : given;
  const text = await readInput(given, '--file');
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [fault] = document.errors;
  if (fault) {
    throw new UsageError(
      `${name}:${lines.linePos(fault.pos[0]).line}: ${fault.message}. Write a job as YAML or JSON.`,
    );
  }
  const value: unknown = document.toJS();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new UsageError(
      `${name}:1: expected the fields of a job, such as "prompt: …" and "repositories: […]".`,
    );
  }
  return {
    name,
    value: value as Record<string, unknown>,
    lineOf: (at) => lines.linePos(offsetOf(document.contents, at)).line,
  };
}

function offsetOf(node: Node | null, [key, ...rest]: readonly PropertyKey[]): number {
  const here = node?.range?.[0] ?? 0;
  if (key === undefined || !isCollection(node)) return here;
  const item = node.items.find((one, i) =>
    isPair(one) ? isScalar(one.key) && one.key.value === key : i === key,
  );
  if (isPair(item)) {
    const value = item.value as Node | null;
    const start = (item.key as Node).range?.[0] ?? here;
    return rest.length > 0 && isCollection(value) ? offsetOf(value, rest) : start;
  }
  return item ? offsetOf(item as Node, rest) : here;
}
