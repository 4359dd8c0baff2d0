import type { ChoiceState, SucceedState, WaitState, Workflow } from './asl.ts';
import { onError, step } from './tasks.ts';

/**
 * One repository of OpenPullRequests, a child execution of its own.
 *
 *     ReserveSlot → WaitForSlot → HasSlot → OpenPullRequest → IsOpen → done
 *        └ the job's turn came, or GitHub's limit is over ─┘  └ rate-limited: back to WaitForSlot
 *                                                             Catch: RecordPullRequestFailure
 */

/** What the steps say of the wait: until when, and whether the pull request may be opened then or has to ask again. */
const SLOT = {
  'at.$': '$.Payload.at',
  'granted.$': '$.Payload.granted',
  'ofJob.$': '$.Payload.ofJob',
};

/** A function, because the Amazon States Language has no clock arithmetic. */
const ReserveSlot = step('ReserveSlot', {
  result: { path: '$.slot', keep: SLOT },
  catch: [onError('RecordPullRequestFailure')],
  Next: 'WaitForSlot',
});

const WaitForSlot: WaitState = { Type: 'Wait', TimestampPath: '$.slot.at', Next: 'HasSlot' };

const HasSlot: ChoiceState = {
  Type: 'Choice',
  Choices: [{ Variable: '$.slot.granted', BooleanEquals: true, Next: 'OpenPullRequest' }],
  Default: 'ReserveSlot',
};

const OpenPullRequest = step('OpenPullRequest', {
  result: { path: '$.slot', keep: { ...SLOT, 'opened.$': '$.Payload.opened' } },
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
    HasSlot,
    OpenPullRequest,
    IsOpen,
    PullRequestRecorded,
    RecordPullRequestFailure,
  },
};
