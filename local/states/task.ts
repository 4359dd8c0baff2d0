import { type RunningExecution, type StateBody, trackTask } from './execution.ts';
import { WHOLE } from './history.ts';
import { INTEGRATIONS } from './integrations/integrations.ts';
import { encodePayload, type Json } from './payload.ts';
import type { TaskState } from './schema.ts';
import { executionStopped } from './state-error.ts';
import { compileTemplate } from './template.ts';

/** A Task: fills Parameters, calls the service, records its events, and selects from the result. */
export function taskBody(state: TaskState): StateBody {
  const fillParameters = compileTemplate(state.Parameters, 'state');
  const select = state.ResultSelector && compileTemplate(state.ResultSelector, 'state');
  return async (input, execution) => {
    const parameters = encodePayload(
      fillParameters(input, execution.context),
      `The input of ${state.Resource}`,
    );
    const result = await callService(state, parameters, execution);
    return select ? select(result, execution.context) : result;
  };
}

async function callService(state: TaskState, parameters: string, execution: RunningExecution): Promise<Json> {
  const { history, services } = execution;
  const integration = INTEGRATIONS[state.Resource]!;
  const { resourceType, resource } = integration;
  const timeoutInSeconds = state.TimeoutSeconds;
  const { region } = services;
  history.add('TaskScheduled', { resourceType, resource, region, parameters, timeoutInSeconds });
  history.add('TaskStarted', { resourceType, resource });

  const limits = limitTask(execution, timeoutInSeconds, () =>
    history.add('TaskTimedOut', { resourceType, resource, error: 'States.Timeout' }),
  );
  try {
    const work = integration.run(JSON.parse(parameters), {
      services,
      signal: limits.signal,
      timeoutSeconds: timeoutInSeconds,
      submitted: (output) =>
        history.add('TaskSubmitted', {
          resourceType,
          resource,
          output: JSON.stringify(output),
          outputDetails: WHOLE,
        }),
    });
    const result = await Promise.race([trackTask(execution, work), limits.stopped]);
    if (limits.signal.aborted) return await neverSettled();
    const output = encodePayload(result, `The result of ${state.Resource}`);
    history.add('TaskSucceeded', { resourceType, resource, output, outputDetails: WHOLE });
    return JSON.parse(output);
  } catch (error) {
    if (execution.stopping.signal.aborted) throw error;
    if (limits.signal.aborted) return await neverSettled();
    const { name, message } = error as Error;
    history.add('TaskFailed', { resourceType, resource, error: name, cause: message });
    throw error;
  } finally {
    limits.clear();
  }
}

/**
 * aws-local-stepfunctions gives a task no signal and no notice of its time-out, so both are made here. `stopped` rejects
 * as soon as the execution stops, even if the service ignores the signal, because the library's timer of the task lives
 * until the body has settled.
 */
function limitTask(execution: RunningExecution, timeoutSeconds: number, onTimeout: () => void) {
  const aborting = new AbortController();
  const { promise: stopped, reject } = Promise.withResolvers<never>();
  const stop = () => {
    aborting.abort();
    reject(executionStopped());
  };
  const timer = setTimeout(() => {
    onTimeout();
    aborting.abort();
  }, timeoutSeconds * 1000);
  const { signal } = execution.stopping;
  signal.addEventListener('abort', stop, { once: true });
  return {
    signal: aborting.signal,
    stopped,
    clear: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stop);
    },
  };
}

/**
 * The library's time-out of a Task fires this long after ours. Ours records TaskTimedOut and aborts the call; the
 * library's raises States.Timeout, the only error that its `States.TaskFailed` does not match, as on AWS.
 */
export const ENGINE_TIMER_LAG_SECONDS = 0.1;

/** The body's result after a time-out: the library's timer is about to fail the task. */
function neverSettled(): Promise<never> {
  return new Promise(() => {});
}
