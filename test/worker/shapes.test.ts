import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { callTool, Fleet, repositoryOfRequest } from '../support/fleet.ts';

let fleet: Fleet;

beforeAll(async () => {
  fleet = await Fleet.start({
    names: ['one', 'two', 'other', 'none'],
    script: (request) => {
      const name = repositoryOfRequest(request)!.split('/').at(-1);
      if (request.messages.length === 1 && name !== 'none')
        return callTool('write_file', {
          path: `${name === 'two' ? 'lib/' : ''}ci.yml`,
          content: name === 'other' ? 'run: rm -rf / data\n' : 'run: rm -rf /data\n',
        });
      return callTool('task_complete', {
        summary: 'Done.',
        title: 'Add a file',
        body: 'As asked.',
        wereChangesNecessary: name !== 'none',
      });
    },
  });
});
afterAll(() => fleet.close());

test('equal changes of a job have one shape, another byte has another, and no change has none', async () => {
  const jobId = await fleet.post(['one', 'two', 'other', 'none']);
  await fleet.ended(jobId);
  const { one, two, other, none } = await fleet.rows(jobId);
  expect(one!.shape).toMatch(/^1:[0-9a-f]{32}$/);
  expect(two).toMatchObject({ shape: one!.shape, kin: one!.kin });
  expect(two!.patchSha).not.toBe(one!.patchSha);
  expect(other).toMatchObject({ kin: one!.kin });
  expect(other!.shape).not.toBe(one!.shape);
  for (const key of ['shape', 'kin', 'patchSha', 'errorShape']) expect(none).not.toHaveProperty(key);

  const { json: listed } = await fleet.call('GET', `/jobs/${jobId}`);
  const results = listed.results;
  expect(results.find(({ repositoryName }) => repositoryName.endsWith('/one'))).toMatchObject({
    shape: one!.shape,
    kin: one!.kin,
    patchSha: one!.patchSha,
  });
  const diff = await fetch(`${fleet.stack.api}/jobs/${jobId}/repositories/${one!.repositoryName}/diff`);
  const sha = createHash('sha256')
    .update(new Uint8Array(await diff.arrayBuffer()))
    .digest('hex');
  expect(one!.patchSha).toBe(sha);
});
