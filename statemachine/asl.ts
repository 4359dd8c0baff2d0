/**
 * The part of the Amazon States Language (JSONPath) that this product uses, as types, so that nothing else compiles. https://states-language.net/spec.html
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

/** Every Task has TimeoutSeconds: without it, a lost Task would wait for a year. */
export type TaskState = {
  Type: 'Task';
  Comment?: string;
  Resource: string;
  Parameters: PayloadTemplate;
  ResultSelector?: PayloadTemplate;
  ResultPath: string | null;
  /** Null to pass nothing to the next state, or to the execution's result. */
  OutputPath?: null;
  TimeoutSeconds: number;
  Retry: Retrier[];
  Catch?: Catcher[];
} & Transition;

/** A Distributed Map: one child execution per item, each with its history. */
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
  /** Absent in a branch of a Parallel, which has the Catch then. */
  Catch?: Catcher[];
} & Transition;

/** Concurrent workflows, each with the state's input. The first one that fails ends the others. */
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

/** All states of a workflow by name, including those of its branches and Maps. Names are unique. */
export function statesWithin({ States }: Workflow): [string, State][] {
  return Object.entries(States).flatMap(([name, state]): [string, State][] => [
    [name, state],
    ...(state.Type === 'Map' ? statesWithin(state.ItemProcessor) : []),
    ...(state.Type === 'Parallel' ? state.Branches.flatMap(statesWithin) : []),
  ]);
}
