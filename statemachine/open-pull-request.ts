import type { Slot } from '../core/execution.ts';
import type { ChoiceState, SucceedState, WaitState, Workflow } from './asl.ts';
import { onError, step } from './tasks.ts';

/**
 * One repository of OpenPullRequests or of OpenPullRequestsMeanwhile, a child execution of its own.
 *
 *     ReserveSlot → WaitForSlot → HasSlot → OpenPullRequest → IsOpen → done
 *        └ the job's turn came, or GitHub's limit is over ─┘  └ rate-limited: back to WaitForSlot
 *                                                             Catch: RecordPullRequestFailure
 */

/** Keeps fields of a step's answer. */
function slotFields(...names: (keyof Slot)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}.$`, `$.Payload.${name}`]));
}

/**
 * `suffix` ends the names of all its states, because two Maps run this and a name may stand only once in a whole state
 * machine.
 */
export function openPullRequestWorkflow(suffix = ''): Workflow {
  const named = (name: string) => name + suffix;
  const onFailure = [onError(named('RecordPullRequestFailure'))];

  /** A function, because the Amazon States Language has no clock arithmetic. */
  const ReserveSlot = step(named('ReserveSlot'), {
    of: 'ReserveSlot',
    result: { path: '$.slot', keep: slotFields('at', 'granted', 'ofJob') },
    catch: onFailure,
    Next: named('WaitForSlot'),
  });

  const WaitForSlot: WaitState = { Type: 'Wait', TimestampPath: '$.slot.at', Next: named('HasSlot') };

  const HasSlot: ChoiceState = {
    Type: 'Choice',
    Choices: [{ Variable: '$.slot.granted', BooleanEquals: true, Next: named('OpenPullRequest') }],
    Default: named('ReserveSlot'),
  };

  const OpenPullRequest = step(named('OpenPullRequest'), {
    of: 'OpenPullRequest',
    result: { path: '$.slot', keep: slotFields('at', 'granted', 'ofJob', 'opened') },
    catch: onFailure,
    Next: named('IsOpen'),
  });

  const IsOpen: ChoiceState = {
    Type: 'Choice',
    Choices: [{ Variable: '$.slot.opened', BooleanEquals: true, Next: named('PullRequestRecorded') }],
    Default: named('WaitForSlot'),
  };

  const PullRequestRecorded: SucceedState = { Type: 'Succeed' };

  /** Never undoes an analysis that was paid for: only the pull request's own record says what failed. */
  const RecordPullRequestFailure = step(named('RecordPullRequestFailure'), {
    of: 'RecordPullRequestFailure',
    End: true,
  });

  const states = {
    ReserveSlot,
    WaitForSlot,
    HasSlot,
    OpenPullRequest,
    IsOpen,
    PullRequestRecorded,
    RecordPullRequestFailure,
  };
  return {
    StartAt: named('ReserveSlot'),
    States: Object.fromEntries(Object.entries(states).map(([name, state]) => [named(name), state])),
  };
}
