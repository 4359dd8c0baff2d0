import type { Command } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { JobRequest } from '../../core/job.ts';
import { ApiError } from '../connect/api-client.ts';
import type { JobFile } from './job-file.ts';
import { fieldsGiven, optionForField } from './job-options.ts';

/** What the user wrote of a job, and where each field came from. */
export type Draft = {
  fields: Record<string, unknown>;
  /** The words for a field in a message: its option, or its line in a file. */
  placeOf(field: string): string;
};

/** Puts a job together: the file, then `--set`, then options, of which the last wins. */
export async function draftOf(command: Command): Promise<Draft> {
  const { file, set = [] } = command.opts<{ file?: string; set?: string[] }>();
  const jobFile = file === undefined ? undefined : await (await import('./job-file.ts')).readJobFile(file);
  const fields = structuredClone(jobFile?.value ?? {});
  const origins = new Map<string, string>();
  for (const assignment of set) {
    const [, field, text] = /^([\w.]+)=(.*)$/s.exec(assignment) ?? [];
    if (field === undefined) {
      throw new UsageError(
        `--set ${assignment} is not field=value; expected, for example, --set settings.maxFiles=200.`,
      );
    }
    put(fields, field, await parseValue(text!, field));
    origins.set(field, `--set ${field}`);
  }
  for (const [field, value] of fieldsGiven(command)) {
    put(fields, field, value);
    origins.set(field, optionForField(field)!);
  }
  return { fields, placeOf: (field) => placeOf(field, origins, jobFile) };
}

/** The body of `POST /jobs`. Throws UsageError that names the option or the line of each fault. */
export function requestOf({ fields, placeOf }: Draft): JobRequest {
  const parsed = JobRequest.safeParse(fields);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const keys = issue.code === 'unrecognized_keys' ? issue.keys : [];
    const field = [...issue.path, ...keys.slice(0, 1)].join('.');
    if (keys.length > 0) return `${placeOf(field)}: there is no field ${field} in a job`;
    return `${placeOf(field)} ${shown(valueAt(fields, issue.path))}: ${issue.message.replace(/^Invalid input: /, '')}`;
  });
  throw new UsageError(
    `${faults.join('; ')}. docs/jobs.md and \`cody-batch run --help\` describe every field.`,
  );
}

/** The API's refusal in the words of this command: options and lines in place of fields. */
export function refusedBy(error: unknown, { placeOf }: Draft): unknown {
  if (!(error instanceof ApiError) || error.statusCode !== 400 || error.faults.length === 0) return error;
  const faults = error.faults.map(({ field, expected }) => `${placeOf(field)}: ${expected}`);
  const isInDetail = error.faults.every(({ field, expected }) =>
    error.message.includes(`${field}: ${expected}`),
  );
  return new UsageError(
    isInDetail ? `${faults.join('; ')}.` : `${error.message} (${placesOf(error, placeOf)})`,
  );
}

function placesOf(error: ApiError, place: Draft['placeOf']): string {
  return [...new Set(error.faults.map(({ field }) => place(field)))].join(', ');
}

function placeOf(field: string, origins: ReadonlyMap<string, string>, file: JobFile | undefined): string {
  for (const [set, origin] of origins) if (field === set || field.startsWith(`${set}.`)) return origin;
  const at = field.split('.').map((part) => (/^\d+$/.test(part) ? Number(part) : part));
  if (file && valueAt(file.value, at.slice(0, 1)) !== undefined) {
    return `${file.name}:${file.lineOf(at)}: ${field}`;
  }
  return optionForField(field) ?? field;
}

/** A value as YAML reads it, so that numbers, booleans and lists need no quotes. */
async function parseValue(text: string, field: string): Promise<unknown> {
  const { parse: parseYaml } = await import('yaml');
  try {
    return parseYaml(text) ?? '';
  } catch (error) {
    throw new UsageError(`--set ${field}: ${(error as Error).message.split('\n')[0]}`);
  }
}

function put(target: Record<string, unknown>, field: string, value: unknown): void {
  const keys = field.split('.');
  const last = keys.pop()!;
  let at = target;
  for (const key of keys) {
    const next = Object.hasOwn(at, key) ? at[key] : undefined;
    at[key] = typeof next === 'object' && next !== null ? next : {};
    at = at[key] as Record<string, unknown>;
  }
  Object.defineProperty(at, last, { value, enumerable: true, writable: true, configurable: true });
}

function valueAt(value: unknown, [key, ...rest]: readonly PropertyKey[]): unknown {
  if (key === undefined) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return valueAt((value as Record<PropertyKey, unknown>)[key], rest);
}

function shown(value: unknown): string {
  return value === undefined ? 'is missing' : `is ${JSON.stringify(value)?.slice(0, 80)}`;
}
