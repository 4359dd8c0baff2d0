import { expect, test } from '@jest/globals';
import { JobId, newJobId, RepositoryName } from '../../../core/job.ts';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { commandSecretPolicy, workSessionPolicy } from '../../../lambdas/worker/worker-session-policy.ts';
import { matches } from '../../support/policies/evaluate.ts';

/** The longest of everything: GitHub Enterprise's owners, its repositories, a bucket, a partition, a region. */
const LONGEST = {
  jobId: JobId.parse(newJobId()),
  repositoryName: RepositoryName.parse(`${'o'.repeat(62)}/${'n'.repeat(100)}`),
  run: 999,
  from: 998,
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

test('a session reaches its own run, reads the run that it continues, and no other run or repository', () => {
  const { Statement } = JSON.parse(
    workSessionPolicy({
      ...LONGEST,
      jobId: 'job-1',
      repositoryName: 'o/app',
      run: 2,
      from: 1,
      partition: 'aws',
    }),
  );
  const allows = (action: string, repositoryName: string, run: number) =>
    Statement.some(
      ({ Action, Resource }: { Action: string[]; Resource: string[] }) =>
        Action.includes(action) &&
        Resource.some((pattern) =>
          matches(
            `arn:aws:s3:::${LONGEST.artifactsBucket}/${runArtifactKeys({ jobId: 'job-1', repositoryName, run }).thread}`,
            pattern,
          ),
        ),
    );
  expect(allows('s3:PutObject', 'o/app', 2)).toBe(true);
  expect(allows('s3:GetObject', 'o/app', 1)).toBe(true);
  expect(allows('s3:PutObject', 'o/app', 1)).toBe(false);
  for (const run of [3, 11, 20, 21]) expect(allows('s3:GetObject', 'o/app', run)).toBe(false);
  for (const name of ['o/app-web', 'o/app.js', 'oo/app', 'o/ap'])
    expect(allows('s3:GetObject', name, 2)).toBe(false);
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
