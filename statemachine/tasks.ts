import type { Catcher, PayloadTemplate, TaskState } from './asl.ts';
import { DYNAMODB_UNDER_LOAD, LAMBDA_UNDER_LOAD, PERMANENT_ERRORS, STEP_FAILED } from './retry.ts';

type Transition = { Next: string } | { End: true };

/** The name under which the ARN of a step's function is substituted: `RecordResult` gives `RecordResultFunction`. */
export function functionSubstitution(step: string): string {
  return `${step}Function`;
}

/** A step of `lambdas/steps`. It gets the whole state or `payload`, and `result` selects what the state keeps of its answer. */
export function step(
  name: string,
  options: {
    /** The step whose function it invokes. @default - this step */
    of?: string;
    payload?: PayloadTemplate;
    result?: { path: string; keep: PayloadTemplate };
    /** Null to output nothing. */
    output?: null;
    catch?: Catcher[];
  } & Transition,
): TaskState {
  const { of = name, payload, result, output, catch: catchers, ...transition } = options;
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::lambda:invoke',
    Parameters: {
      FunctionName: `\${${functionSubstitution(of)}}`,
      ...(payload ? { Payload: payload } : { 'Payload.$': '$' }),
    },
    ...(result && { ResultSelector: result.keep }),
    ResultPath: result?.path ?? null,
    ...(output === null && { OutputPath: null }),
    TimeoutSeconds: 900, // the most that a Lambda function can run
    Retry: [LAMBDA_UNDER_LOAD, PERMANENT_ERRORS, STEP_FAILED],
    ...(catchers && { Catch: catchers }),
    ...transition,
  } as TaskState;
}

/** One conditional update of one item, without a function. */
export function updateItem(
  parameters: PayloadTemplate,
  options: { catch: Catcher[] } & Transition,
): TaskState {
  const { catch: catchers, ...transition } = options;
  return {
    Type: 'Task',
    Resource: 'arn:aws:states:::dynamodb:updateItem',
    Parameters: parameters,
    ResultPath: null,
    TimeoutSeconds: 60,
    Retry: [DYNAMODB_UNDER_LOAD],
    Catch: catchers,
    ...transition,
  } as TaskState;
}

/** Catches all errors that can be caught, and stores `{Error, Cause}` for the step that records them. */
export function onError(next: string): Catcher {
  return { ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: next };
}
