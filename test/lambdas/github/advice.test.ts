import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Publishing, type Recorded, text } from '../../support/publishing.ts';

let publishing: Publishing;

beforeAll(async () => {
  publishing = await Publishing.start();
});
afterAll(() => publishing?.close());

const place = (repo: string) => ({ owner: 'local', repo });

async function changed(name: string): Promise<Recorded> {
  const baseSha = await publishing.addRepository(name, { 'a.txt': 'one\n' });
  return { name, baseSha, files: [text('a.txt', 'ONE\n')] };
}

type Job = Awaited<ReturnType<Publishing['publish']>>;
const pullRequestOf = ({ results }: Job, name: string) =>
  results.find(({ repositoryName }) => repositoryName === `local/${name}`)!.pullRequest!;

/** The request that an error says to send. */
function requestIn(message: string | undefined): { route: string; body: object | undefined } {
  const [, route = '', json] = /POST (\/jobs\/\S+\/pull-requests)(?: with (\{.*?\}\}))?/.exec(message!) ?? [];
  return { route, body: json ? (JSON.parse(json) as object) : undefined };
}

test('following the advice of a pull request’s error opens it', async () => {
  const { repos, git } = publishing.github.rest;
  const names = ['taken', 'taken-too', 'in-the-way', 'in-the-way-too', 'ruled', 'archived'];
  const repositories = await Promise.all(names.map(changed));
  const jobId = await publishing.record(repositories);
  const branch = (repo: string, ref: string) =>
    git.createRef({
      ...place(repo),
      ref: `refs/heads/${ref}`,
      sha: repositories.find(({ name }) => name === repo)!.baseSha,
    });
  for (const name of ['taken', 'taken-too']) await branch(name, `cody-batch/${jobId}`);
  for (const name of ['in-the-way', 'in-the-way-too']) await branch(name, 'cody-batch');
  await publishing.github.request('POST /repos/{owner}/{repo}/rulesets', {
    ...{ ...place('ruled'), name: 'rules', target: 'branch', enforcement: 'active' },
    conditions: { ref_name: { include: ['refs/heads/cody-batch/*'], exclude: [] } },
    rules: [{ type: 'creation' }],
  } as never);
  await repos.update({ ...place('archived'), archived: true });

  const refused = await publishing.publish(jobId);
  const errors = Object.fromEntries(names.map((name) => [name, pullRequestOf(refused, name).error?.message]));
  expect(errors.taken).toMatch(/Rename or delete that branch, then POST/);
  expect(errors['in-the-way']).toMatch(
    /cannot be created in .* beside the branch cody-batch\. Rename or delete cody-batch, then POST/,
  );
  expect(errors.archived).toMatch(/archived.* Unarchive it, then POST/);

  await git.deleteRef({ ...place('taken'), ref: `heads/cody-batch/${jobId}` });
  await git.deleteRef({ ...place('in-the-way'), ref: 'heads/cody-batch' });
  await repos.update({ ...place('archived'), archived: false });
  const route = `/jobs/${jobId}/pull-requests`;
  expect(new Set(names.map((name) => requestIn(errors[name]).route))).toEqual(new Set([route]));
  await publishing.publish(jobId);

  const elsewhere = ['taken-too', 'in-the-way-too', 'ruled'];
  const [body, ...others] = new Set(
    elsewhere.map((name) => JSON.stringify(requestIn(errors[name]!.split('; or ')[1]).body)),
  );
  expect(others).toEqual([]);
  const opened = await publishing.publish(jobId, JSON.parse(body!) as object);
  expect(names.map((name) => pullRequestOf(opened, name).state)).toEqual(names.map(() => 'open'));
  for (const name of names) expect(await publishing.pulls(name)).toHaveLength(1);
});

test('paid work can be published again with another branch, title and text, and the job shows them', async () => {
  const repository = await changed('overridden');
  const jobId = await publishing.record([repository], { pullRequest: { branch: 'main', labels: ['fleet'] } });
  const refused = await publishing.publish(jobId);
  const { error } = pullRequestOf(refused, 'overridden');
  expect(error).toMatchObject({
    name: 'PullRequestRefusedError',
    message: expect.stringContaining('its base branch'),
  });
  const { body } = requestIn(error!.message) as { body: { pullRequest: object } };
  const pullRequest = {
    ...body.pullRequest,
    ...{
      title: 'Another title',
      body: 'In my own words, @local.',
      draft: true,
      labels: ['other'],
      reviewers: ['local'],
    },
  };
  const opened = await publishing.publish(jobId, { pullRequest });
  expect(opened).toMatchObject({
    pullRequest: { branch: 'main' },
    pullRequests: { open: 1 },
  });
  const [pull] = await publishing.pulls('overridden');
  expect(pull).toMatchObject({ title: 'Another title', draft: true, labels: [{ name: 'other' }] });
  expect(pull!.head.ref).toBe(`cody-batch-2/${jobId}`);
  expect(pull!.body).toMatch(/^In my own words, @local\.\n\n---\n/);

  const wrong = await publishing.call('POST', `/jobs/${jobId}/pull-requests`, {
    pullRequest: { branch: 'a..b', perHour: 5, body: 'x'.repeat(10_001) },
  });
  expect(wrong.status).toBe(400);
  expect(wrong.json.errors).toHaveLength(3);
});
