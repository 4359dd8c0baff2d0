import { z } from 'zod';
import { choice } from './choice-schema.ts';
import { INTEGRATIONS } from './integrations/integrations.ts';
import { mapSchema } from './map-schema.ts';
import {
  comment,
  errorHandling,
  fields,
  inputOutput,
  MAX_SECONDS,
  PARALLEL_ERRORS,
  referencePath,
  requireTransition,
  resultPath,
  seconds,
  stateName,
  TASK_ERRORS,
  template,
  transition,
} from './schema-fields.ts';

/**
 * The allow-list: the part of the Amazon States Language that this engine runs as AWS does. Anything else is refused
 * when a definition is loaded, because aws-local-stepfunctions would ignore it or run it differently.
 */

const task = fields('a Task', {
  Type: z.literal('Task'),
  ...comment,
  Resource: z.enum(Object.keys(INTEGRATIONS), {
    error: `unknown resource; supported: ${Object.keys(INTEGRATIONS).join(', ')}`,
  }),
  Parameters: template('state'),
  TimeoutSeconds: z
    .int({ error: 'needs TimeoutSeconds: without it the engine ends the task after 60 s' })
    .pipe(seconds),
  ...inputOutput,
  ResultSelector: template('state').optional(),
  ResultPath: resultPath,
  ...errorHandling(TASK_ERRORS),
  ...transition,
})
  .superRefine(requireTransition)
  .superRefine(({ Resource, Parameters }, context) => {
    const { required, optional } = INTEGRATIONS[Resource]!;
    const given = Object.keys(Parameters).map((key) => key.replace(/\.\$$/, ''));
    for (const name of given.filter((name) => !required.includes(name) && !optional.includes(name))) {
      const message = `not a parameter of ${Resource}; supported: ${[...required, ...optional].join(', ')}`;
      context.addIssue({ code: 'custom', path: ['Parameters', name], message });
    }
    for (const name of required.filter((name) => !given.includes(name))) {
      context.addIssue({ code: 'custom', path: ['Parameters'], message: `${Resource} needs ${name}` });
    }
  });

const pass = fields('a Pass', {
  Type: z.literal('Pass'),
  ...comment,
  Result: z.json().optional(),
  Parameters: template('state').optional(),
  ...inputOutput,
  ResultPath: resultPath,
  ...transition,
}).superRefine(requireTransition);

const rfc3339 = z.iso.datetime({
  offset: true,
  error: 'not an RFC 3339 timestamp such as 2026-11-22T04:12:00Z',
});

const WAITS = ['Seconds', 'SecondsPath', 'Timestamp', 'TimestampPath'] as const;

const wait = fields('a Wait', {
  Type: z.literal('Wait'),
  ...comment,
  Seconds: z
    .int()
    .min(0)
    .pipe(z.int().max(MAX_SECONDS, { error: `at most ${MAX_SECONDS} (24.8 days)` }))
    .optional(),
  SecondsPath: referencePath.optional(),
  Timestamp: rfc3339.optional(),
  TimestampPath: referencePath.optional(),
  ...inputOutput,
  ...transition,
})
  .superRefine(requireTransition)
  .refine((state) => WAITS.filter((name) => state[name] !== undefined).length === 1, {
    error: `needs exactly one of ${WAITS.join(', ')}`,
  });

const succeed = fields('a Succeed', { Type: z.literal('Succeed'), ...comment, ...inputOutput });

const fail = fields('a Fail', {
  Type: z.literal('Fail'),
  ...comment,
  Error: z.string().optional(),
  ErrorPath: referencePath.optional(),
  Cause: z.string().optional(),
  CausePath: referencePath.optional(),
}).superRefine((state, context) => {
  for (const name of ['Error', 'Cause'] as const) {
    if ((state[name] === undefined) === (state[`${name}Path`] === undefined)) {
      const message = `needs either ${name} or ${name}Path: the engine would invent one`;
      context.addIssue({ code: 'custom', message });
    }
  }
});

const plainState = z.discriminatedUnion('Type', [task, pass, wait, choice, succeed, fail], {
  error: 'unknown state type; supported inside a Map: Task, Pass, Wait, Choice, Succeed, Fail',
});

const map = mapSchema(plainState);

const branch = fields('a branch', {
  ...comment,
  StartAt: stateName,
  States: z.record(
    stateName,
    z.discriminatedUnion('Type', [task, pass, wait, choice, succeed, fail, map], {
      error: 'unknown state type; supported inside a Parallel: Task, Pass, Wait, Choice, Succeed, Fail, Map',
    }),
  ),
});

const parallel = fields('a Parallel', {
  Type: z.literal('Parallel'),
  ...comment,
  Branches: z.array(branch).min(1),
  ...inputOutput,
  ResultPath: resultPath,
  ...errorHandling(PARALLEL_ERRORS),
  ...transition,
}).superRefine(requireTransition);

export const definitionSchema = fields('a state machine', {
  ...comment,
  Version: z.literal('1.0').optional(),
  TimeoutSeconds: seconds.optional(),
  StartAt: stateName,
  States: z.record(
    stateName,
    z.discriminatedUnion('Type', [task, pass, wait, choice, succeed, fail, map, parallel], {
      error: 'unknown state type; supported: Task, Pass, Wait, Choice, Succeed, Fail, Map, Parallel',
    }),
  ),
});

export type Definition = z.infer<typeof definitionSchema>;
export type State = Definition['States'][string];
export type TaskState = Extract<State, { Type: 'Task' }>;
export type PassState = Extract<State, { Type: 'Pass' }>;
export type WaitState = Extract<State, { Type: 'Wait' }>;
export type ChoiceState = Extract<State, { Type: 'Choice' }>;
export type MapState = Extract<State, { Type: 'Map' }>;
/** The states of a state machine, an ItemProcessor or a branch. Transitions stay within a scope. */
export type Scope = { StartAt: string; States: Record<string, State>; TimeoutSeconds?: number };
