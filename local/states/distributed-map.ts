import { randomUUID } from 'node:crypto';
import { type RunningExecution, type StateBody, trackTask } from './execution.ts';
import { compilePath } from './expression.ts';
import type { Machine } from './machine.ts';
import { Children } from './map-children.ts';
import { MAX_CONCURRENCY, type MapRun } from './map-runs.ts';
import type { Json } from './payload.ts';
import { ResultFiles } from './result-files.ts';
import type { MapState } from './schema.ts';
import { executionStopped, runtimeError, StateError } from './state-error.ts';
import { compileTemplate } from './template.ts';

type Location = { Bucket: string; Key?: string; Prefix?: string };

/**
 * A Distributed Map: reads the items, runs one child execution per item, and writes their results. As on AWS, the
 * parent's history has only the Map run, and each child has its own history.
 */
export function mapBody(state: MapState, name: string, machine: Machine): StateBody {
  const fillReader = compileTemplate(state.ItemReader.Parameters, 'state');
  const fillWriter = compileTemplate(state.ResultWriter.Parameters, 'state');
  const selectItem = state.ItemSelector && compileTemplate(state.ItemSelector, 'item');
  const selectResult = state.ResultSelector && compileTemplate(state.ResultSelector, 'state');
  const maxConcurrency = concurrencyReader(state);
  const label = state.Label ?? name.replace(/[^A-Za-z0-9_-]/g, '').slice(0, 40);

  return async (input, execution) => {
    const { context, history, services } = execution;
    const readFrom = fillReader(input, context) as Location;
    const writeTo = fillWriter(input, context) as Location;
    const run = startRun(execution, label, maxConcurrency(input), state.ToleratedFailurePercentage ?? 0);
    history.add('MapStateStarted', { length: 0 });
    history.add('MapRunStarted', { mapRunArn: run.arn });
    let Key: string;
    try {
      const items = await readItems(readFrom, services.readObject);
      run.total = items.length;
      const selectInput = (item: Json, index: number): Json =>
        selectItem ? selectItem(input, { ...context, Map: { Item: { Index: index, Value: item } } }) : item;
      const folder = [writeTo.Prefix?.replace(/\/+$/, ''), run.arn.split(':').at(-1)]
        .filter(Boolean)
        .join('/');
      const files = new ResultFiles(folder, (key, body) => services.writeObject(writeTo.Bucket, key, body));
      const children = new Children(machine, execution, run, files, items, selectInput);
      Key = await trackTask(execution, children.complete(writeTo.Bucket));
      if (execution.stopping.signal.aborted) throw executionStopped();
      if (children.failedTooOften) {
        const cause = 'The specified tolerated failure threshold was exceeded';
        throw new StateError('States.ExceedToleratedFailureThreshold', cause);
      }
    } catch (error) {
      endRun(run, execution.stopping.signal.aborted ? 'ABORTED' : 'FAILED');
      if (run.status === 'FAILED') {
        const { name: errorName, message } = error as Error;
        history.add('MapRunFailed', { error: errorName, cause: message });
        history.add('MapStateFailed');
      }
      throw error;
    }
    endRun(run, 'SUCCEEDED');
    history.add('MapRunSucceeded');
    history.add('MapStateSucceeded');
    const result = { MapRunArn: run.arn, ResultWriterDetails: { Bucket: writeTo.Bucket, Key } };
    return selectResult ? selectResult(result, context) : result;
  };
}

function concurrencyReader(state: MapState): (input: Json) => number {
  if (state.MaxConcurrencyPath === undefined) return () => state.MaxConcurrency || MAX_CONCURRENCY;
  const read = compilePath(state.MaxConcurrencyPath);
  return (input) => {
    const value = read(input);
    if (Number.isInteger(value) && Number(value) >= 0) return Number(value) || MAX_CONCURRENCY;
    throw runtimeError(
      `MaxConcurrencyPath '${state.MaxConcurrencyPath}' has ${JSON.stringify(value)}; expected a whole number from 0.`,
    );
  };
}

function startRun(
  { record, services }: RunningExecution,
  label: string,
  maxConcurrency: number,
  toleratedFailurePercentage: number,
): MapRun {
  const stateMachineArn = `${record.stateMachineArn}/${label}`;
  const run: MapRun = {
    arn: `${stateMachineArn.replace(':stateMachine:', ':mapRun:')}:${randomUUID()}`,
    executionArn: record.arn,
    stateMachineArn,
    status: 'RUNNING',
    startDate: Date.now(),
    maxConcurrency,
    toleratedFailurePercentage,
    total: 0,
    counts: { RUNNING: 0, SUCCEEDED: 0, FAILED: 0, TIMED_OUT: 0, ABORTED: 0 },
    resultsWritten: 0,
  };
  services.mapRuns.add(run);
  return run;
}

function endRun(run: MapRun, status: MapRun['status']): void {
  run.status = status;
  run.stopDate = Date.now();
}

async function readItems(
  { Bucket, Key = '' }: Location,
  readObject: (bucket: string, key: string) => Promise<Uint8Array>,
): Promise<Json[]> {
  try {
    const items: unknown = JSON.parse(Buffer.from(await readObject(Bucket, Key)).toString());
    if (!Array.isArray(items)) throw new Error('its content is not a JSON array');
    return items;
  } catch (error) {
    const cause = `Unable to read the items from ${Bucket}/${Key}: ${(error as Error).message}`;
    throw new StateError('States.ItemReaderFailed', cause);
  }
}
