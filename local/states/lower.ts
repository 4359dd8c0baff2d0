import { StateMachine, type StateMachineDefinition } from 'aws-local-stepfunctions';
import type { Condition } from './choice-schema.ts';
import { mapBody } from './distributed-map.ts';
import type { StateBody } from './execution.ts';
import type { Machine } from './machine.ts';
import { parallelBody } from './parallel.ts';
import type { Json } from './payload.ts';
import type { ChoiceState, PassState, Scope, State } from './schema.ts';
import { MAX_SECONDS } from './schema-fields.ts';
import { ENGINE_TIMER_LAG_SECONDS, taskBody } from './task.ts';
import { compileTemplate } from './template.ts';
import { waitBody } from './wait.ts';

/**
 * Lowers checked states to a definition that aws-local-stepfunctions runs as AWS does. The library keeps transitions,
 * retries, catchers, input and output paths, and choices. Every other state becomes a Task whose body is ours, because
 * the library strips backslashes from templates, ends long waits at once, cannot run a Distributed Map, and emits no
 * events for the states of a branch.
 * `timeScale` divides waits and retry intervals.
 */
export function lower(scope: Scope, timeScale: number): Machine {
  const bodies = new Map<string, StateBody>();
  const states: Record<string, object> = {};
  for (const [name, state] of Object.entries(scope.States)) {
    const body = stateBody(state, name, timeScale);
    if (body) bodies.set(name, body);
    states[name] = body ? bodyTask(state, timeScale) : state.Type === 'Choice' ? guardChoice(state) : state;
  }
  const definition = { StartAt: scope.StartAt, States: states, TimeoutSeconds: scope.TimeoutSeconds };
  return {
    // The definition has been checked already, and its lowered form does not pass the library's validator.
    engine: new StateMachine(definition as StateMachineDefinition, {
      validationOptions: { noValidate: true },
    }),
    bodies,
    types: new Map(Object.entries(scope.States).map(([name, { Type }]) => [name, Type])),
  };
}

function stateBody(state: State, name: string, timeScale: number): StateBody | undefined {
  switch (state.Type) {
    case 'Task':
      return taskBody(state);
    case 'Wait':
      return waitBody(state, timeScale);
    case 'Pass':
      return passBody(state);
    case 'Map':
      return mapBody(state, name, lower(state.ItemProcessor, timeScale));
    case 'Parallel':
      return parallelBody(state.Branches.map((branch) => lower(branch, timeScale)));
    default:
      return undefined;
  }
}

function passBody(state: PassState): StateBody {
  const fill = state.Parameters && compileTemplate(state.Parameters, 'state');
  return async (input, { context }) => {
    if (state.Result !== undefined) return state.Result as Json;
    return fill ? fill(input, context) : input;
  };
}

/** The part of a state that the library runs: paths, error handling and transition. */
function bodyTask(state: State, timeScale: number): object {
  const pick = ['InputPath', 'OutputPath', 'ResultPath', 'Catch', 'Next', 'End'] as const;
  const kept = pick.filter((field) => field in state).map((field) => [field, state[field as keyof State]]);
  return {
    Type: 'Task',
    TimeoutSeconds: state.Type === 'Task' ? state.TimeoutSeconds + ENGINE_TIMER_LAG_SECONDS : MAX_SECONDS,
    ...Object.fromEntries(kept),
    ...('Retry' in state && {
      Retry: state.Retry?.map(({ IntervalSeconds = 1, MaxDelaySeconds, ...retrier }) => ({
        ...retrier,
        IntervalSeconds: IntervalSeconds / timeScale,
        ...(MaxDelaySeconds !== undefined && { MaxDelaySeconds: MaxDelaySeconds / timeScale }),
      })),
    }),
  };
}

function guardChoice(state: ChoiceState): object {
  return { ...state, Choices: state.Choices.map(({ Next, ...rule }) => ({ ...guard(rule), Next })) };
}

/**
 * The library compares without regard to types (`"5" > 0` is true) and treats `IsPresent: false` as never true. So a
 * type test precedes each comparison, and a negative test becomes Not.
 */
function guard({
  Comment: _,
  Variable,
  And,
  Or,
  Not,
  ...comparison
}: Condition & { Comment?: string }): object {
  if (And) return { And: And.map(guard) };
  if (Or) return { Or: Or.map(guard) };
  if (Not) return { Not: guard(Not) };
  const [[operator, value] = []] = Object.entries(comparison).filter(([, operand]) => operand !== undefined);
  const test = { Variable, [operator as string]: value };
  if (operator?.startsWith('Is') && value === false) return { Not: guard({ Variable, [operator]: true }) };
  if (operator?.startsWith('Numeric')) return { And: [{ Variable, IsNumeric: true }, test] };
  if (operator === 'IsTimestamp') return { And: [{ Variable, IsString: true }, test] };
  return test;
}
