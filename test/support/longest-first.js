import Sequencer from '@jest/test-sequencer';

/**
 * The files that take minutes, longest first. A fresh clone has no durations of an earlier run, and Jest would then go by
 * the size of files: what takes longest would begin last, and the other core wait for its end.
 */
const LONGEST = [
  'drills.full',
  'page.full',
  'scale.full',
  'nothing-lost.full',
  'pull-requests.full',
  'throttled.full',
  'races.full',
  'whole-job.moto',
  'sizes.full',
  'shared-prefix.full',
  'killed-at-each-turn.full',
  'job-cost.full',
  'open-pull-request.full',
  'hostile/paths.full',
  'cli/commands',
  'api/retry',
  'conversation/verify',
  'shape/shape',
  'github/publish',
  'conversation/ends',
  'one-job',
  'lib/stack',
];

export default class LongestFirst extends Sequencer {
  sort(tests) {
    const place = ({ path }) => {
      const at = LONGEST.findIndex((name) => path.endsWith(`/${name}.test.ts`));
      return at < 0 ? LONGEST.length : at;
    };
    return super.sort(tests).toSorted((one, other) => place(one) - place(other));
  }
}
