import { expect, test } from '@jest/globals';
import { BranchName, branchNameOf, filled, newJobId, PullRequestSettings } from '../../core/job.ts';

const job = { jobId: newJobId(), type: 'dependency-update' };

test('title and branch take the job, its type and the repository', () => {
  const place = { ...job, repositoryName: 'acme/api' };
  expect(filled('{type} of {repository}: {job} {other}', place)).toBe(
    `dependency-update of api: ${job.jobId} {other}`,
  );
  const branch = 'bot/{type}/{repository}';
  expect(PullRequestSettings.parse({ branch }).branch).toBe(branch);
  expect(branchNameOf({ ...job, pullRequest: { branch } }, 'acme/api')).toBe('bot/dependency-update/api');
  expect(branchNameOf(job, 'acme/api')).toBe(`cody-batch/${job.jobId}`);
});

test.each(['.github', '-.x', 'a..b', 'a.lock', '...'])(
  'a repository of the name %s gets a branch that git allows',
  (name) => {
    for (const branch of ['bot/{repository}', '{repository}', 'x-{repository}/y']) {
      const found = branchNameOf({ ...job, pullRequest: { branch } }, `acme/${name}`);
      expect([branch, found, BranchName.safeParse(found).success]).toEqual([branch, found, true]);
    }
  },
);
