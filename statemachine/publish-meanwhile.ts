import type { ChoiceState, MapState, SucceedState, WaitState, Workflow } from './asl.ts';
import { EACH_PULL_REQUEST, MANIFEST, manifestOf } from './manifest.ts';
import { openPullRequestWorkflow } from './open-pull-request.ts';
import { step } from './tasks.ts';

/**
 * Opens pull requests of what is analysed already, while AnalyzeRepositories goes on; the other branch of AnalyzeAndPublish.
 *
 *     IsInWaves → ResolvePullRequestsMeanwhile → AnyPullRequestsMeanwhile → OpenPullRequestsMeanwhile → WaitForChanges
 *      │ no        ↑   │ Catch                    │ analysed   └ none ────────────────────────────────→    │
 *      │           └───│──────────────────────────│────────────────────────────────────────────────────────┘
 *      └───────────────┴──────────────────────────┴→ PublishedMeanwhile
 *
 * Nothing that goes wrong here leaves the branch: it would end analyses that are being paid for. It gives up instead, and
 * what is left is opened when the analysis has ended.
 *
 * The history of an execution may have 25,000 events. A round has at most 15: 5 of the step, 2 of the Choice, 6 of the Map
 * and 2 of the Wait. The step says when the next may begin (lambdas/pause.ts); by its pauses there are 394 rounds in 42
 * hours (5,900 events), 533 in a week (8,000) and 931 in a year (14,000), the longest that an execution can last.
 */

/** A job whose repositories are all analysed at once has nothing to publish meanwhile. */
const IsInWaves: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.analyze.inWaves', BooleanEquals: true, Next: 'ResolvePullRequestsMeanwhile' }],
  Default: 'PublishedMeanwhile',
};

const giveUp = [{ ErrorEquals: ['States.ALL'], ResultPath: null, Next: 'PublishedMeanwhile' }];

const ResolvePullRequestsMeanwhile = step('ResolvePullRequestsMeanwhile', {
  of: 'ResolvePullRequests',
  payload: {
    'jobId.$': '$.jobId',
    'run.$': '$.run',
    'action.$': '$.action',
    'meanwhileSince.$': '$$.Execution.StartTime',
  },
  result: {
    path: '$.publish',
    keep: { ...MANIFEST, 'analysed.$': '$.Payload.analysed', 'nextAt.$': '$.Payload.nextAt' },
  },
  catch: giveUp,
  Next: 'AnyPullRequestsMeanwhile',
});

const AnyPullRequestsMeanwhile: ChoiceState = {
  Type: 'Choice',
  Choices: [
    { Variable: '$.publish.analysed', BooleanEquals: true, Next: 'PublishedMeanwhile' },
    { Variable: '$.publish.count', NumericGreaterThan: 0, Next: 'OpenPullRequestsMeanwhile' },
  ],
  Default: 'WaitForChanges',
};

const OpenPullRequestsMeanwhile: MapState = {
  Type: 'Map',
  Label: 'OpenPullRequestsMeanwhile',
  ...manifestOf('$.publish'),
  ...EACH_PULL_REQUEST,
  ItemProcessor: {
    ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
    ...openPullRequestWorkflow('Meanwhile'),
  },
  Catch: giveUp,
  Next: 'WaitForChanges',
};

const WaitForChanges: WaitState = {
  Type: 'Wait',
  TimestampPath: '$.publish.nextAt',
  Next: 'ResolvePullRequestsMeanwhile',
};

const PublishedMeanwhile: SucceedState = { Type: 'Succeed' };

export const publishMeanwhile: Workflow = {
  StartAt: 'IsInWaves',
  States: {
    IsInWaves,
    ResolvePullRequestsMeanwhile,
    AnyPullRequestsMeanwhile,
    OpenPullRequestsMeanwhile,
    WaitForChanges,
    PublishedMeanwhile,
  },
};
