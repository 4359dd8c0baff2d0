import type { Configuration } from '../configuration.ts';
import { Names } from '../names.ts';

/** What `destroy` leaves behind, and how to remove that too. */
export function whatIsKept({ environment, keepData }: Configuration): string {
  const names = new Names(environment);
  const always =
    'Kept in any case: images and bundles that CDK uploaded (its bootstrap repository and bucket), revisions of the job definition (they cost nothing), and every pull request.';
  if (!keepData) {
    return `This removes ${names.stack} whole, with all jobs, results and artifacts, and its secrets. ${always}`;
  }
  const kept = [
    `the tables ${names.of('jobs')} and ${names.of('repositories')}`,
    `the buckets ${names.of('artifacts')}-… and ${names.of('access-logs')}-…`,
    `the user pool ${names.of('users')}`,
  ];
  return [
    `This removes ${names.stack}, and keeps its data: ${kept.join(', ')}.`,
    'Their names stay taken: before another deploy, remove them or adopt them (cdk import).',
    `CloudFormation refuses while termination protection is on: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${names.stack}`,
    always,
  ].join('\n');
}
