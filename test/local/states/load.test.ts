import { expect, test } from '@jest/globals';
import { loadDefinition } from '../../../local/states/load.ts';

const task = {
  Type: 'Task',
  Resource: 'arn:aws:states:::lambda:invoke',
  Parameters: { FunctionName: 'work', 'Payload.$': '$' },
  TimeoutSeconds: 60,
  End: true,
};

const map = {
  Type: 'Map',
  Label: 'Items',
  ItemReader: {
    Resource: 'arn:aws:states:::s3:getObject',
    ReaderConfig: { InputType: 'JSON' },
    Parameters: { Bucket: 'bucket', 'Key.$': '$.key' },
  },
  ItemSelector: { 'id.$': '$$.Map.Item.Value.id', 'index.$': '$$.Map.Item.Index', 'job.$': '$.job' },
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    StartAt: 'Child',
    States: { Child: task },
  },
  MaxConcurrencyPath: '$.concurrency',
  ToleratedFailurePercentage: 100,
  ResultWriter: {
    Resource: 'arn:aws:states:::s3:putObject',
    Parameters: { Bucket: 'bucket', 'Prefix.$': '$.prefix' },
  },
  Retry: [{ ErrorEquals: ['States.ItemReaderFailed'], MaxAttempts: 1 }],
  ResultPath: null,
  End: true,
};

const throttledLoop = {
  StartAt: 'Analyze',
  States: {
    Analyze: {
      Type: 'Task',
      Resource: 'arn:aws:states:::batch:submitJob.sync',
      Parameters: {
        'JobName.$': '$.name',
        JobQueue: '${JobQueue}',
        JobDefinition: '${JobDefinition}',
        Parameters: { 'jobId.$': '$.jobId' },
        Tags: { 'cody-batch:job.$': '$.jobId' },
        PropagateTags: true,
        Timeout: { 'AttemptDurationSeconds.$': '$.attemptSeconds' },
      },
      ResultSelector: { 'jobId.$': '$.JobId' },
      ResultPath: '$.batch',
      TimeoutSeconds: 604800,
      Retry: [
        {
          ErrorEquals: ['Batch.AWSBatchException', 'AWS.Batch.TooManyRequestsException'],
          IntervalSeconds: 2,
          BackoffRate: 2,
          MaxAttempts: 10,
          MaxDelaySeconds: 60,
          JitterStrategy: 'FULL',
        },
      ],
      Catch: [{ ErrorEquals: ['States.ALL'], ResultPath: '$.error', Next: 'Failed' }],
      Next: 'IsThrottled',
    },
    IsThrottled: {
      Type: 'Choice',
      Choices: [{ Variable: '$.recorded.resumeAt', IsPresent: true, Next: 'WaitForModel' }],
      Default: 'Map',
    },
    WaitForModel: { Type: 'Wait', TimestampPath: '$.recorded.resumeAt', Next: 'Analyze' },
    Map: { ...map, End: undefined, Next: 'Done' },
    Done: { Type: 'Succeed' },
    Failed: { Type: 'Fail', ErrorPath: '$.error.Error', CausePath: '$.error.Cause' },
  },
};

const substitutions = { JobQueue: 'queue', JobDefinition: 'definition' };

test('every kind of state that the lifecycle uses loads', () => {
  const { definition, text } = loadDefinition(JSON.stringify(throttledLoop), substitutions);
  expect(Object.keys(definition.States)).toEqual(Object.keys(throttledLoop.States));
  expect(text).toContain('"JobQueue":"queue"');
});

test('a missing or unused substitution is refused by its name', () => {
  const text = JSON.stringify(throttledLoop);
  expect(() => loadDefinition(text, { JobQueue: 'queue' })).toThrow('${JobDefinition}: no substitution');
  expect(() => loadDefinition(text, { ...substitutions, Bukcet: 'b' })).toThrow(
    '${Bukcet}: a substitution that',
  );
});

const alone = (state: object) => ({ StartAt: 'A', States: { A: state } });
const choose = (rule: object) => ({
  StartAt: 'A',
  States: { A: { Type: 'Choice', Choices: [{ ...rule, Next: 'B' }] }, B: { Type: 'Succeed' } },
});
const caught = (ErrorEquals: string[], state: object = task) => ({
  StartAt: 'A',
  States: { A: { ...state, Catch: [{ ErrorEquals, Next: 'B' }] }, B: { Type: 'Succeed' } },
});
const parameters = (fields: object) => alone({ ...task, Parameters: { FunctionName: 'work', ...fields } });
const payload = (expression: string) => parameters({ 'Payload.$': expression });
const branch = { StartAt: 'B', States: { B: task } };
const parallel = (Branches: object[]) => ({ Type: 'Parallel', Branches, End: true });
const inParallel = (Branches: object[]) => alone(parallel(Branches));
const inMap = (fields: object) => alone({ ...map, ...fields });

test.each<[string, object, string]>([
  ['JSONata', { ...alone(task), QueryLanguage: 'JSONata' }, '$.QueryLanguage: JSONata is not run here'],
  ['JSONata in a state', alone({ ...task, QueryLanguage: 'JSONata' }), '$.States.A.QueryLanguage: JSONata'],
  ['variables', alone({ ...task, Assign: { a: 1 } }), '$.States.A.Assign: variables would be ignored'],
  ['heartbeats', alone({ ...task, HeartbeatSeconds: 10 }), '$.States.A.HeartbeatSeconds: heartbeats'],
  [
    'heartbeats by path',
    alone({ ...task, HeartbeatSecondsPath: '$.h' }),
    '$.States.A.HeartbeatSecondsPath: heart',
  ],
  [
    'credentials',
    alone({ ...task, Credentials: { RoleArn: 'r' } }),
    '$.States.A.Credentials: there are no roles',
  ],
  [
    'a task that nothing bounds',
    alone({ ...task, TimeoutSeconds: undefined }),
    '$.States.A.TimeoutSeconds: needs',
  ],
  [
    'a time-out past the timer',
    alone({ ...task, TimeoutSeconds: 2_147_484 }),
    '$.States.A.TimeoutSeconds: at most',
  ],
  [
    'a time-out by path',
    alone({ ...task, TimeoutSecondsPath: '$.t' }),
    '$.States.A.TimeoutSecondsPath: its value',
  ],
  ['a machine past the timer', { ...alone(task), TimeoutSeconds: 3e6 }, '$.TimeoutSeconds: at most'],
  [
    'a wait past the timer',
    alone({ Type: 'Wait', Seconds: 2_147_484, End: true }),
    '$.States.A.Seconds: at most',
  ],
  [
    'two waits in one',
    alone({ Type: 'Wait', Seconds: 1, SecondsPath: '$.s', End: true }),
    'exactly one of Seconds',
  ],
  [
    'a wait until no time',
    alone({ Type: 'Wait', Timestamp: 'noon', End: true }),
    'not an RFC 3339 timestamp',
  ],
  [
    'task tokens',
    payload('$$.Task.Token'),
    "$.States.A.Parameters['Payload.$']: $$.Task.Token is not in the context",
  ],
  ['state context', payload('$$.State.EnteredTime'), '$$.State.EnteredTime is not in the context'],
  ['an item outside a Map', payload('$$.Map.Item.Value'), '$$.Map.Item.Value is not in the context'],
  ['JsonMerge', payload('States.JsonMerge($.a, $.b, false)'), 'States.JsonMerge is not supported; supported'],
  [
    'a nested unknown function',
    payload("States.Array(States.Base64Encode('a'))"),
    'States.Base64Encode is not supported',
  ],
  ['an unfinished function', payload('States.Array($.a'), 'no closing parenthesis'],
  ['a path with a wildcard', payload('$.items[*]'), '$.items[*] is not a reference path'],
  ['a text where a path belongs', payload("'text'"), 'neither a path'],
  ['a number where a path belongs', parameters({ 'Payload.$': 5 }), 'a field that ends in .$ needs a string'],
  ['a misspelt parameter', parameters({ Payloads: 1 }), '$.States.A.Parameters.Payloads: not a parameter of'],
  ['a missing parameter', alone({ ...task, Parameters: { Payload: 1 } }), 'lambda:invoke needs FunctionName'],
  [
    'a callback',
    alone({ ...task, Resource: `${task.Resource}.waitForTaskToken` }),
    '$.States.A.Resource: unknown',
  ],
  [
    'an activity',
    alone({ ...task, Resource: 'arn:aws:states:us-east-1:1:activity:a' }),
    '$.States.A.Resource: unkn',
  ],
  [
    'a resource that is not there',
    alone({ ...task, Resource: 'arn:aws:states:::sqs:sendMessage' }),
    'supported: arn',
  ],
  ['ResultPath $', alone({ ...task, ResultPath: '$' }), '$.States.A.ResultPath: supported: null or $.name'],
  ['a deep ResultPath', alone({ ...task, ResultPath: '$.a.b' }), '$.States.A.ResultPath: supported'],
  [
    'InputPath to the context',
    alone({ ...task, InputPath: '$$.Execution.Input' }),
    '$.States.A.InputPath: supp',
  ],
  [
    'an unknown field',
    alone({ ...task, Retries: [] }),
    '$.States.A.Retries: not a field that runs here; supported in',
  ],
  ['a field of another state', alone({ Type: 'Succeed', End: true }), '$.States.A.End: not a field'],
  [
    'neither Next nor End',
    alone({ ...task, End: undefined }),
    '$.States.A: needs either Next or "End": true',
  ],
  ['a Parallel without branches', inParallel([]), '$.States.A.Branches: '],
  [
    'a Parallel with a template',
    alone({ ...parallel([branch]), Parameters: { n: 1 } }),
    '$.States.A.Parameters: not a field',
  ],
  [
    'a Parallel in a Parallel',
    inParallel([{ StartAt: 'B', States: { B: parallel([branch]) } }]),
    'supported inside a Parallel',
  ],
  [
    'a transition out of a branch',
    inParallel([{ StartAt: 'B', States: { B: { ...task, End: undefined, Next: 'A' } } }]),
    '$.States.A.Branches[0].States.B: there is no state "A"',
  ],
  [
    'a state in a branch that nothing leads to',
    inParallel([{ StartAt: 'B', States: { B: task, C: task } }]),
    '$.States.A.Branches[0].States.C: no state leads here',
  ],
  ['a name that two branches have', inParallel([branch, branch]), 'the name "B" occurs more than once'],
  [
    'a Label that two Maps have',
    inParallel([
      { StartAt: 'B', States: { B: map } },
      {
        StartAt: 'C',
        States: { C: { ...map, ItemProcessor: { ...map.ItemProcessor, StartAt: 'D', States: { D: task } } } },
      },
    ]),
    'the Label "Items" occurs more than once',
  ],
  ['a failure without a name', alone({ Type: 'Fail', Cause: 'c' }), 'needs either Error or ErrorPath'],
  [
    'a transition to nowhere',
    alone({ ...task, End: undefined, Next: 'B' }),
    '$.States.A: there is no state "B"',
  ],
  ['a state out of reach', { StartAt: 'A', States: { A: task, B: task } }, '$.States.B: no state leads here'],
  ['a start at nothing', { StartAt: 'Z', States: { A: task } }, '$.StartAt: there is no state "Z"'],
  ['catching the uncatchable', caught(['States.DataLimitExceeded']), 'ErrorEquals[0]: not matched here'],
  ['a misspelt States error', caught(['States.Timeuot']), 'ErrorEquals[0]: not matched here'],
  ['States.ALL in company', caught(['States.ALL', 'Other']), 'States.ALL must be the only name'],
  [
    'TaskFailed of a Map',
    caught(['States.TaskFailed'], { ...map, End: undefined, Next: 'B' }),
    'not matched here',
  ],
  [
    'a retry past the timer',
    alone({ ...task, Retry: [{ ErrorEquals: ['E'], MaxAttempts: 40 }] }),
    'MaxDelaySeconds',
  ],
  [
    'a misspelt retrier',
    alone({ ...task, Retry: [{ ErrorEquals: ['E'], Interval: 1 }] }),
    'Retry[0].Interval: not a',
  ],
  [
    'a comparison not run here',
    choose({ Variable: '$.a', StringMatches: 'a*' }),
    'StringMatches: not a field',
  ],
  ['two comparisons', choose({ Variable: '$.a', IsNull: true, IsString: true }), 'exactly one comparison'],
  ['a comparison of nothing', choose({ IsNull: true }), 'a comparison needs Variable'],
  [
    'Next inside And',
    choose({ And: [{ Variable: '$.a', IsNull: true, Next: 'B' }] }),
    'Choices[0].And[0].Next: not a',
  ],
  [
    'an inline Map',
    inMap({
      ItemProcessor: { ...map.ItemProcessor, ProcessorConfig: { Mode: 'INLINE', ExecutionType: 'STANDARD' } },
    }),
    'ProcessorConfig.Mode: only DISTRIBUTED',
  ],
  [
    'express children',
    inMap({
      ItemProcessor: {
        ...map.ItemProcessor,
        ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'EXPRESS' },
      },
    }),
    'ExecutionType: only STANDARD',
  ],
  ['a Map of no items', inMap({ ItemReader: undefined }), '$.States.A.ItemReader: '],
  [
    'a Map over its input',
    inMap({ ItemsPath: '$.items' }),
    '$.States.A.ItemsPath: items come from an ItemReader',
  ],
  [
    'CSV items',
    inMap({ ItemReader: { ...map.ItemReader, ReaderConfig: { InputType: 'CSV' } } }),
    'only JSON',
  ],
  [
    'a bounded reader',
    inMap({ ItemReader: { ...map.ItemReader, ReaderConfig: { InputType: 'JSON', MaxItems: 5 } } }),
    'ReaderConfig.MaxItems: not a field',
  ],
  ['batches of items', inMap({ ItemBatcher: { MaxItemsPerBatch: 2 } }), '$.States.A.ItemBatcher: one child'],
  ['results without a place', inMap({ ResultWriter: undefined }), '$.States.A.ResultWriter: '],
  ['a Map with a time-out', inMap({ TimeoutSeconds: 5 }), '$.States.A.TimeoutSeconds: not a field'],
  [
    'a Map in a Map',
    inMap({ ItemProcessor: { ...map.ItemProcessor, States: { Child: map } } }),
    'supported inside a Map',
  ],
  [
    'a typo in a child',
    inMap({ ItemProcessor: { ...map.ItemProcessor, States: { Child: { ...task, Comments: '' } } } }),
    '$.States.A.ItemProcessor.States.Child.Comments: not a field',
  ],
  [
    'a child out of reach',
    inMap({ ItemProcessor: { ...map.ItemProcessor, States: { Child: task, Other: task } } }),
    '$.States.A.ItemProcessor.States.Other: no state leads here',
  ],
])('refuses at load what would not run here as on AWS: %s', (_, definition, message) => {
  expect(() => loadDefinition(JSON.stringify(definition), {})).toThrow(message);
});
