import type { ChoiceState, MapState, SucceedState, WaitState, Workflow } from './asl.ts';
import { EACH_PULL_REQUEST, MANIFEST, manifestOf } from './manifest.ts';
import { openPullRequestWorkflow } from './open-pull-request.ts';
import { step } from './tasks.ts';

/**
 * Opens pull requests of repositories that are analysed while AnalyzeRepositories still runs: a branch of
 * AnalyzeAndPublish.
 *
 *     IsInWaves → ResolvePullRequestsMeanwhile → AnyPullRequestsMeanwhile → OpenPullRequestsMeanwhile → WaitForChanges
 *      │ no        ↑   │ Catch                    │ analysed   └ none ────────────────────────────────→    │
 *      │           └───│──────────────────────────│────────────────────────────────────────────────────────┘
 *      └───────────────┴──────────────────────────┴→ PublishedMeanwhile
 *
 * An error ends this branch with success, because a failed branch would end the analysis. The remaining pull requests
 * are opened after the analysis.
 *
 * The history of an execution may have 25,000 events. A round has at most 15: 5 of the step, 2 of the Choice, 6 of the Map
 * and 2 of the Wait. The step returns the time of the next (lambdas/pause.ts); with its pauses there are 394 rounds in 42
 * hours (5,900 events), 533 in a week (8,000) and 931 in a year (14,000), the longest that an execution can last.
 */

/** If all repositories are analysed at once, there is nothing to publish early. */
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
