import type { ChoiceState, SucceedState, WaitState, Workflow } from './asl.ts';
import { onError, step } from './tasks.ts';

/**
 * One repository of OpenPullRequests, a child execution of its own.
 *
 *     ReserveSlot → WaitForSlot → OpenPullRequest → IsOpen → done
 *                   └ rate-limited: back ──────────┘       Catch: RecordPullRequestFailure
 */

/** A function, because the Amazon States Language has no clock arithmetic. */
const ReserveSlot = step('ReserveSlot', {
  result: { path: '$.slot', keep: { 'at.$': '$.Payload.at' } },
  catch: [onError('RecordPullRequestFailure')],
  Next: 'WaitForSlot',
});

const WaitForSlot: WaitState = { Type: 'Wait', TimestampPath: '$.slot.at', Next: 'OpenPullRequest' };

const OpenPullRequest = step('OpenPullRequest', {
  result: { path: '$.slot', keep: { 'at.$': '$.Payload.at', 'opened.$': '$.Payload.opened' } },
  catch: [onError('RecordPullRequestFailure')],
  Next: 'IsOpen',
});

const IsOpen: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.slot.opened', BooleanEquals: true, Next: 'PullRequestRecorded' }],
  Default: 'WaitForSlot',
};

const PullRequestRecorded: SucceedState = { Type: 'Succeed' };

/** Never undoes an analysis that was paid for: only the pull request's own record says what failed. */
const RecordPullRequestFailure = step('RecordPullRequestFailure', { End: true });

export const openPullRequest: Workflow = {
  StartAt: 'ReserveSlot',
  States: {
    ReserveSlot,
    WaitForSlot,
    OpenPullRequest,
    IsOpen,
    PullRequestRecorded,
    RecordPullRequestFailure,
  },
};
