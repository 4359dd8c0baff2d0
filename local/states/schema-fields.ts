import { z } from 'zod';
import { REFERENCE_PATH } from './expression.ts';
import { templateProblems } from './template.ts';

/** The longest time-out or wait. A Node.js timer of more than 2^31 - 1 ms (24.8 days) fires at once. */
export const MAX_SECONDS = 2_147_483;

/** An object that refuses unknown fields with a message that lists the known ones. */
export function fields<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? `supported in ${what}: ${Object.keys(shape).join(', ')}`
        : undefined,
  });
}

export const comment = { Comment: z.string().optional() };
export const stateName = z.string().min(1).max(80);
export const seconds = z
  .int()
  .min(1)
  .max(MAX_SECONDS, {
    error: `at most ${MAX_SECONDS} (24.8 days): the engine's timer would fire at once`,
  });

/** Not `$`: it is the default of an absent path, and the library cannot read it from `null` or 0. */
export const referencePath = z.string().refine((path) => path !== '$' && REFERENCE_PATH.test(path), {
  error: 'supported: a reference path into the input, $.name.name or $.name[0] (context only in templates)',
});

/** Deeper paths differ from AWS if the parent is not an object, and `$` would write a key of that name. */
export const resultPath = z
  .string()
  .regex(/^\$\.[A-Za-z_][A-Za-z0-9_-]*$/, { error: 'supported: null or $.name (leave out for $)' })
  .nullable()
  .optional();

export const inputOutput = {
  InputPath: referencePath.nullable().optional(),
  OutputPath: referencePath.nullable().optional(),
};

export function template(scope: 'state' | 'item') {
  return z.record(z.string(), z.unknown()).superRefine((value, context) => {
    for (const { path, message } of templateProblems(value, scope)) {
      context.addIssue({ code: 'custom', path, message });
    }
  });
}

/** Exactly one of Next and End. */
export const transition = { Next: stateName.optional(), End: z.literal(true).optional() };

export function requireTransition(state: { Next?: string; End?: true }, context: z.RefinementCtx): void {
  if ((state.Next === undefined) === (state.End === undefined)) {
    context.addIssue({ code: 'custom', message: 'needs either Next or "End": true' });
  }
}

/** The `States.` names that Retry and Catch can match. States.Runtime and States.DataLimitExceeded never match. */
export const TASK_ERRORS = ['States.ALL', 'States.TaskFailed', 'States.Timeout', 'States.IntrinsicFailure'];
export const MAP_ERRORS = [
  'States.ALL',
  'States.ExceedToleratedFailureThreshold',
  'States.ItemReaderFailed',
  'States.ResultWriterFailed',
];

/** A Parallel fails with the error of its branch. */
export const PARALLEL_ERRORS = [...new Set([...TASK_ERRORS, ...MAP_ERRORS])];

function errorEquals(predefined: string[]) {
  return z
    .array(
      z.string().refine((name) => !name.startsWith('States.') || predefined.includes(name), {
        error: `not matched here; supported of States.*: ${predefined.join(', ')}`,
      }),
    )
    .min(1)
    .refine((names) => names.length === 1 || !names.includes('States.ALL'), {
      error: 'States.ALL must be the only name',
    });
}

/** Retry and Catch. */
export function errorHandling(predefined: string[]) {
  const ErrorEquals = errorEquals(predefined);
  const retrier = fields('a retrier', {
    ...comment,
    ErrorEquals,
    IntervalSeconds: seconds.optional(),
    MaxAttempts: z.int().min(0).max(99_999_999).optional(),
    BackoffRate: z.number().min(1).optional(),
    MaxDelaySeconds: seconds.optional(),
    JitterStrategy: z.enum(['NONE', 'FULL']).optional(),
  }).refine(
    ({ IntervalSeconds = 1, BackoffRate = 2, MaxAttempts = 3, MaxDelaySeconds }) =>
      Math.min(
        IntervalSeconds * BackoffRate ** Math.max(0, MaxAttempts - 1),
        MaxDelaySeconds ?? Number.POSITIVE_INFINITY,
      ) <= MAX_SECONDS,
    { error: `its last delay passes ${MAX_SECONDS} s; set MaxDelaySeconds` },
  );
  const catcher = fields('a catcher', { ...comment, ErrorEquals, ResultPath: resultPath, Next: stateName });
  const allLast = (rules: { ErrorEquals: string[] }[]) =>
    rules.slice(0, -1).every((rule) => !rule.ErrorEquals.includes('States.ALL'));
  const lastError = { error: 'States.ALL comes last' };
  return {
    Retry: z.array(retrier).refine(allLast, lastError).optional(),
    Catch: z.array(catcher).refine(allLast, lastError).optional(),
  };
}
