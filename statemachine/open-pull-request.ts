import type { Slot } from '../core/execution.ts';
import type { ChoiceState, SucceedState, WaitState, Workflow } from './asl.ts';
import { onError, step } from './tasks.ts';

/**
 * The child execution of one repository of OpenPullRequests or OpenPullRequestsMeanwhile.
 *
 *     ReserveSlot → WaitForSlot → HasSlot → OpenPullRequest → IsOpen → done
 *        └ the job's turn came, or GitHub's limit is over ─┘  └ rate-limited: back to WaitForSlot
 *                                                             Catch: RecordPullRequestFailure
 */

/** Keeps fields of a step's answer. */
function slotFields(...names: (keyof Slot)[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [`${name}.$`, `$.Payload.${name}`]));
}

/** `suffix` ends the names of all states: two Maps run this workflow, and a name must be unique in a state machine. */
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

  /** Writes the error to the pull request's record only, so that the repository keeps its result. */
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
