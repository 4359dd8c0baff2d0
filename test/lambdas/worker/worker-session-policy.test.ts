import { expect, test } from '@jest/globals';
import { JobId, newJobId, RepositoryName } from '../../../core/job.ts';
import { artifactKeys } from '../../../core/store/artifact-keys.ts';
import { commandSecretPolicy, workSessionPolicy } from '../../../lambdas/worker/worker-session-policy.ts';
import { matches } from '../../support/policies/evaluate.ts';

/** The longest of everything: GitHub Enterprise's owners, its repositories, a bucket, a partition, a region. */
const LONGEST = {
  jobId: JobId.parse(newJobId()),
  repositoryName: RepositoryName.parse(`${'o'.repeat(62)}/${'n'.repeat(100)}`),
  partition: 'aws-us-gov',
  artifactsBucket: 'b'.repeat(63),
  // A secret's name has at most 512 characters; cody-batch-{environment}-claude-api-key has far fewer.
  secretArns: ['claude-api-key', 'github-read-token'].map(
    (part) =>
      `arn:aws-us-gov:secretsmanager:us-gov-west-1:000000000000:secret:cody-batch-${'e'.repeat(30)}-${part}-AbCdEf`,
  ),
  bedrock: true,
};

test('a session policy stays within the limit of STS for any names', () => {
  expect(workSessionPolicy(LONGEST).length).toBeLessThanOrEqual(1600);
  expect(commandSecretPolicy('aws-us-gov', 'S'.repeat(64)).length).toBeLessThanOrEqual(2048);
});

test('a session cannot reach a repository whose name starts with the name of its own', () => {
  const { Statement } = JSON.parse(
    workSessionPolicy({ ...LONGEST, jobId: 'job-1', repositoryName: 'o/app', partition: 'aws' }),
  );
  const [pattern] = Statement[0].Resource;
  const arnOf = (name: string) =>
    `arn:aws:s3:::${LONGEST.artifactsBucket}/${artifactKeys.outcome('job-1', name)}`;
  expect(matches(arnOf('o/app'), pattern)).toBe(true);
  for (const name of ['o/app-web', 'o/app.js', 'oo/app', 'o/ap'])
    expect(matches(arnOf(name), pattern)).toBe(false);
});

test('the credentials for one command secret allow no other secret, and none of the product’s own', () => {
  const { Statement } = JSON.parse(commandSecretPolicy('aws', 'NPM_TOKEN'));
  const [pattern] = Statement[0].Resource;
  const arnOf = (part: string) =>
    `arn:aws:secretsmanager:us-east-1:000000000000:secret:cody-batch-dev-${part}-AbCdEf`;
  expect(matches(arnOf('command-secret-NPM_TOKEN'), pattern)).toBe(true);
  for (const part of [
    'command-secret-MY_NPM_TOKEN',
    'command-secret-NPM_TOKEN_2',
    'claude-api-key',
    'github-write-token',
  ])
    expect(matches(arnOf(part), pattern)).toBe(false);
});
