import type { Configuration } from '../configuration.ts';
import { Names } from '../names.ts';

/** Describes what `destroy` keeps, and how to remove that too. */
export function whatIsKept({ environment, keepData, imageRepository }: Configuration): string {
  const names = new Names(environment);
  const always =
    'Always kept: images and bundles that CDK uploaded (in its bootstrap repository and bucket), revisions of the job definition (they cost nothing), and all pull requests.';
  if (!keepData) {
    return `This removes ${names.stack} with all jobs, results, artifacts and secrets. ${always}`;
  }
  const kept = [
    `the tables ${names.of('jobs')} and ${names.of('repositories')}`,
    `the buckets ${names.of('artifacts')}-… and ${names.of('access-logs')}-…`,
    `the user pool ${names.of('users')}`,
    ...(imageRepository ? [`the image repository ${names.of('worker')}`] : []),
  ];
  return [
    `This removes ${names.stack} and keeps its data: ${kept.join(', ')}.`,
    'Their names stay taken: before another deploy, remove them or import them (cdk import).',
    `CloudFormation refuses while termination protection is on. To turn it off: aws cloudformation update-termination-protection --no-enable-termination-protection --stack-name ${names.stack}`,
    always,
  ].join('\n');
}
