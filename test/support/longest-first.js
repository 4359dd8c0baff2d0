import Sequencer from '@jest/test-sequencer';

/**
 * The files that take minutes, longest first. A fresh clone has no durations of an earlier run, and Jest would then go by
 * the size of files: what takes longest would begin last, and the other core wait for its end.
 */
const LONGEST = [
  'page.full',
  'nothing-lost.full',
  'pull-requests.full',
  'drills.full',
  'events/repair.full',
  'races.full',
  'whole-job.moto',
  'commands.moto',
  'throttled.full',
  'installed.full',
  'sizes.full',
  'fleet-review.full',
  'shared-prefix.full',
  'killed-at-each-turn.full',
  'scale.full',
  'terminal-width.full',
  'cloud-assembly.full',
  'git-programs.full',
  'hostile/commands.full',
  'job-cost.full',
  'retry.full',
  'sample.full',
  'open-pull-request.full',
  'hostile/paths.full',
  'cli/commands',
  'one-job',
  'raw-tree',
  'hostile/orders',
  'api/routes',
  'conversation/verify',
  'conversation/ends',
  'shape/shape',
  'github/publish',
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
