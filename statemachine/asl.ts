/**
 * The part of the Amazon States Language (JSONPath) that this product uses, as types: what is not here does not
 * compile. https://states-language.net/spec.html
 */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type PayloadTemplate = { [key: string]: Json };

export type Retrier = {
  ErrorEquals: string[];
  IntervalSeconds?: number;
  BackoffRate?: number;
  MaxAttempts?: number;
  MaxDelaySeconds?: number;
  JitterStrategy?: 'FULL' | 'NONE';
};

export type Catcher = { ErrorEquals: string[]; ResultPath: string | null; Next: string };

type Transition = { Next: string } | { End: true };

/** Every Task says when it is given up: without TimeoutSeconds a lost one would wait for a year. */
export type TaskState = {
  Type: 'Task';
  Comment?: string;
  Resource: string;
  Parameters: PayloadTemplate;
  ResultSelector?: PayloadTemplate;
  ResultPath: string | null;
  /** Null where the state that follows, or the execution's result, is to have nothing of this one. */
  OutputPath?: null;
  TimeoutSeconds: number;
  Retry: Retrier[];
  Catch?: Catcher[];
} & Transition;

/** A Distributed Map: one child execution per item, with a history of its own. */
export type MapState = {
  Type: 'Map';
  Comment?: string;
  Label: string;
  ItemReader: { Resource: string; ReaderConfig: { InputType: 'JSON' }; Parameters: PayloadTemplate };
  ItemSelector: PayloadTemplate;
  MaxConcurrencyPath: string;
  ToleratedFailurePercentage: number;
  ItemProcessor: Workflow & { ProcessorConfig: { Mode: 'DISTRIBUTED'; ExecutionType: 'STANDARD' } };
  ResultWriter: { Resource: string; Parameters: PayloadTemplate };
  ResultPath: string | null;
  /** Absent in a branch of a Parallel, whose own Catch it is then. */
  Catch?: Catcher[];
} & Transition;

/** Workflows at the same time, each with the state's input. The first that fails ends the others. */
export type ParallelState = {
  Type: 'Parallel';
  Comment?: string;
  Branches: Workflow[];
  ResultPath: string | null;
  Catch: Catcher[];
} & Transition;

export type ChoiceRule = { Variable: string; Next: string } & (
  | { StringEquals: string }
  | { BooleanEquals: boolean }
  | { NumericGreaterThan: number }
);

export type ChoiceState = { Type: 'Choice'; Comment?: string; Choices: ChoiceRule[]; Default: string };
export type WaitState = { Type: 'Wait'; Comment?: string; TimestampPath: string; Next: string };
export type PassState = {
  Type: 'Pass';
  Comment?: string;
  Parameters?: PayloadTemplate;
  ResultPath?: string;
  OutputPath?: null;
} & Transition;
export type SucceedState = { Type: 'Succeed'; Comment?: string };
export type FailState = { Type: 'Fail'; Comment?: string } & (
  | { ErrorPath: string; CausePath: string }
  | { Error: string; Cause: string }
);

export type State =
  | TaskState
  | PassState
  | MapState
  | ParallelState
  | ChoiceState
  | WaitState
  | SucceedState
  | FailState;
export type Workflow = { StartAt: string; States: Record<string, State> };
export type Definition = Workflow & { Comment: string };

/** Every state of a workflow by its name, those of its branches and of its Maps' children included: no name stands twice. */
export function statesWithin({ States }: Workflow): [string, State][] {
  return Object.entries(States).flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...(state.Type === 'Map' ? statesWithin(state.ItemProcessor) : []),
    ...(state.Type === 'Parallel' ? state.Branches.flatMap(statesWithin) : []),
  ]);
}
