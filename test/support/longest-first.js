import Sequencer from '@jest/test-sequencer';

/**
 * The files that take minutes, longest first. A fresh clone has no durations of an earlier run, and Jest would then go by
 * the size of files: what takes longest would begin last, and the other core wait for its end.
 */
const LONGEST = [
  'page.full',
  'nothing-lost.full',
  'events/repair.full',
  'whole-job.moto',
  'commands.moto',
  'schemathesis.moto',
  'cfn-lint.moto',
  'races.full',
  'installed.full',
  'sizes.full',
  'drills.full',
  'pull-requests.full',
  'fleet-review.full',
  'rows.full',
  'cloud-assembly.full',
  'revise-lost.full',
  'web/hostile.full',
  'job-cost.full',
  'open-pull-request.full',
  'shared-prefix.full',
  'throttled.full',
  'retry.full',
  'hostile/paths.full',
  'scale.full',
  'killed-at-each-turn.full',
  'sample.full',
  'odd-answers.full',
  'api/revise.full',
  'web/sign-in.full',
  'cli/sign-in.full',
  'seeded-changes.full',
  'worker/judge/judge.full',
  'github/outcomes.full',
  'api/patches.full',
  'cli/commands.full',
  'conversation/ends',
  'api/routes',
  'conversation/verify',
  'lib/stack',
  'conversation/interruption',
  'e2e/one-job',
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
