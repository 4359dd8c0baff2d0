import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Octokit } from '@octokit/rest';
import { runArtifactKeys } from '../../../core/store/run-artifact-keys.ts';
import { JOB_QUEUE } from '../../../local/environment.ts';
import type { MessageRequest } from '../../../local/model/conversation.ts';
import type { Reply } from '../../../local/model/reply.ts';
import { COST_OF_USAGE, Fleet, USAGE } from '../../support/fleet.ts';
import { invokeAt } from '../../support/invocation.ts';
import { call, calls, SUBMISSION, submitUnchanged } from '../../support/worker-stack.ts';

let fleet: Fleet;

/** The instruction of the newest revision in the conversation, if there is one. */
function instructionOf({ messages }: MessageRequest): string | undefined {
  const texts = messages.flatMap(({ content }) =>
    typeof content === 'string'
      ? []
      : content.flatMap((block) => (block.type === 'text' ? [block.text] : [])),
  );
  const newest = texts.findLast((text) => /(?:^|\n)Revise:/.test(text));
  return newest?.slice(newest.indexOf('Revise:'));
}

/** Writes `first` at first, and then what the instruction says. Told to give up, it breaks the file before. */
function answer(request: MessageRequest): Reply {
  const instruction = instructionOf(request);
  const write = (content: string) =>
    calls(call('write_file', { path: 'a.txt', content }), call('task_complete', SUBMISSION));
  if (instruction === undefined) return write('first\n');
  if (instruction === 'Revise: give up') {
    const isBroken = JSON.stringify(request.messages.at(-1)).includes('tool_result');
    if (isBroken) return { content: [{ type: 'text', text: 'I cannot.' }] };
    return calls(call('write_file', { path: 'a.txt', content: 'broken\n' }));
  }
  if (instruction === 'Revise: undo')
    return calls(call('delete_file', { path: 'a.txt' }), ...(submitUnchanged as { content: [] }).content);
  return write(`${instruction.slice('Revise: '.length)}\n`);
}

beforeAll(async () => {
  const script = (request: MessageRequest) => ({ usage: USAGE, ...answer(request) });
  fleet = await Fleet.start({ script, names: ['one', 'two', 'three'], concurrency: 3 });
});
afterAll(() => fleet?.close());

/** As the conversation is recorded: without the marks of the prompt cache on the last two messages. */
const unmarked = (messages: readonly object[]) =>
  JSON.stringify(messages).replaceAll(',"cache_control":{"type":"ephemeral"}', '');

const diffOf = async (jobId: string, name: string, query = '') =>
  (await fetch(`${fleet.stack.api}/jobs/${jobId}/repositories/local/${name}/diff${query}`)).text();
const revise = (jobId: string, body: object) => fleet.call('POST', `/jobs/${jobId}/revise`, body);

test('a revision continues each conversation by an instruction, and replaces only what it completes', async () => {
  const before = fleet.model.requests.length;
  const jobId = await fleet.post(['one', 'two', 'three']);
  const first = await fleet.ended(jobId);
  const { shape } = (await fleet.rows(jobId)).one!;
  const asked = fleet.model.requests.length;

  expect((await revise(jobId, { instruction: 'Revise: second' })).status).toBe(400);
  expect((await revise(jobId, { instruction: 'Revise: second', outcome: 'unchanged' })).status).toBe(409);
  const begun = await revise(jobId, {
    instruction: 'Revise: second',
    repositories: ['local/one', 'local/two'],
  });
  expect(begun).toMatchObject({ status: 202, json: { run: 2, action: 'revise' } });
  const job = await fleet.ended(jobId);
  expect(job).toMatchObject({
    ...{ status: 'completed', counts: { completed: 3 } },
    revisions: { replaced: 2, same: 0, kept: 0, notStarted: 0 },
  });
  // One request a repository, whose history is that of the first run, byte for byte.
  const requests = fleet.model.requests.slice(asked).map(({ body }) => body);
  expect(requests).toHaveLength(2);
  const { thread } = runArtifactKeys({ jobId, repositoryName: 'local/one', run: 1 });
  const { messages } = JSON.parse(
    await readFile(path.join(fleet.stack.dataFolder, 'artifacts', thread), 'utf8'),
  );
  expect(requests.map((request) => unmarked(request.messages.slice(0, -1)))).toContain(unmarked(messages));
  for (const request of requests)
    expect(unmarked(request.messages.slice(-1))).toContain('[{"type":"text","text":"Revise: second"}]');
  const rows = await fleet.rows(jobId);
  expect(rows.one).toMatchObject({
    resultRun: 2,
    from: 1,
    revision: { run: 2, cameTo: 'replaced', began: 'resumed' },
  });
  expect(rows.one!.shape).not.toBe(shape);
  expect(await diffOf(jobId, 'one')).toContain('+second');
  expect(await diffOf(jobId, 'one', '?run=1')).toContain('+first');
  expect(await diffOf(jobId, 'three')).toContain('+first');
  expect(job.costUsd!).toBeGreaterThan(first.costUsd!);

  // A revision that gives up, one that writes the same, and the bill of both.
  await revise(jobId, { instruction: 'Revise: give up', repositories: ['local/one'] });
  expect(await fleet.ended(jobId)).toMatchObject({
    status: 'completed',
    revisions: { kept: 1, replaced: 0 },
  });
  expect((await fleet.rows(jobId)).one).toMatchObject({
    ...{ status: 'completed', outcome: 'changed', resultRun: 2, run: 3 },
    revision: { run: 3, cameTo: 'kept', outcome: 'gaveUp' },
  });
  expect(await diffOf(jobId, 'one')).toContain('+second');
  await expectStepsToChangeNothing(jobId, 3);
  await revise(jobId, { instruction: 'Revise: second', shape: rows.one!.shape });
  expect(await fleet.ended(jobId)).toMatchObject({ revisions: { same: 2, replaced: 0 } });
  // The bill is what the model server answered, also for what came to nothing.
  const answers = fleet.model.requests.length - before;
  expect((await fleet.job(jobId)).costUsd).toBeCloseTo(answers * COST_OF_USAGE, 9);
});

const JOB_DEFINITIONS = JSON.stringify({ default: 'any' });

/** Runs again the steps that end a repository of a run, as after a function that was lost before it answered. */
async function expectStepsToChangeNothing(jobId: string, run: number) {
  const items = async () =>
    (await fleet.itemsOf(jobId)).filter(({ repositoryName }) => String(repositoryName).includes('local/one'));
  const before = await items();
  expect(before.map(({ diff }) => diff)).toContainEqual(expect.stringContaining('+second'));
  const step = (name: string, input: object) =>
    invokeAt(fleet.stack, `steps/${name}`, { jobId, run, ...input }, { JOB_QUEUE, JOB_DEFINITIONS }).result();
  const one = { repositoryName: 'local/one', batchJobName: 'again', attemptSeconds: 60 };
  await step('record-result', { ...one, batch: { jobId: 'again' } });
  await step('record-failure', { ...one, error: { Error: 'States.TaskFailed', Cause: '{}' } });
  await step('resolve-repositories', { action: 'revise' });
  expect(await items()).toEqual(before);
}

test('a revision can begin from the patch alone, or anew, and the row says how it began', async () => {
  const jobId = await fleet.post(['three']);
  await fleet.ended(jobId);
  const next = async (begin: string, content: string) => {
    const asked = fleet.model.requests.length;
    const instruction = `Revise: ${content}`;
    await revise(jobId, { instruction, begin, repositories: ['local/three'] });
    expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', revisions: { replaced: 1 } });
    const { body } = fleet.model.requests[asked]!;
    return { row: (await fleet.rows(jobId)).three!, messages: body.messages, sent: JSON.stringify(body) };
  };
  const fromPatch = await next('fromPatch', 'second');
  expect(fromPatch.row.revision).toMatchObject({ run: 2, began: 'fromPatch' });
  // One message: the task with the instruction, which all repositories share, and the earlier change as data.
  expect(fromPatch.messages).toHaveLength(1);
  const [task, , change] = fromPatch.messages[0]!.content as { text: string }[];
  expect(task!.text).toBe('Edit.\n\nRevise: second');
  expect(change!.text).toMatch(/<change>".*\+first.*"<\/change>$/s);
  expect(await diffOf(jobId, 'three')).toContain('+second');

  const anew = await next('anew', 'third');
  expect(anew.row.revision).toMatchObject({ run: 3, began: 'anew' });
  expect(anew.sent).not.toContain('<change>');
  expect(await diffOf(jobId, 'three')).toContain('+third');

  const resumed = await next('resumed', 'fourth');
  expect(resumed.row.revision).toMatchObject({ run: 4, began: 'resumed' });
  expect(resumed.messages.length).toBeGreaterThan(2);
  expect((await revise(jobId, { instruction: 'x', begin: 'never', outcome: 'changed' })).status).toBe(400);
});

test('an open pull request gets one more commit, and one with a commit of a person is left out before anything is paid', async () => {
  const jobId = await fleet.post(['one'], { createPullRequests: true });
  await fleet.ended(jobId);
  const { rest } = new Octokit({ baseUrl: `${fleet.stack.gitHub}/api/v3` });
  const place = { owner: 'local', repo: 'one' };
  const { pullRequestNumber: pull_number, branch, pullRequest } = (await fleet.rows(jobId)).one!;
  const commits = async () => (await rest.pulls.listCommits({ ...place, pull_number: pull_number! })).data;
  expect(await commits()).toHaveLength(1);

  await revise(jobId, { instruction: 'Revise: second', repositories: ['local/one'] });
  expect(await fleet.ended(jobId)).toMatchObject({ revisions: { replaced: 1 }, pullRequests: { open: 1 } });
  const [first, second, ...more] = await commits();
  expect(more).toEqual([]);
  expect(first!.sha).toBe(pullRequest!.commitSha);
  expect((await fleet.rows(jobId)).one!.pullRequest).toMatchObject({ run: 2, commitSha: second!.sha });
  const { data } = await rest.repos.getContent({ ...place, path: 'a.txt', ref: branch! });
  expect(Buffer.from((data as { content: string }).content, 'base64').toString()).toBe('second\n');

  const tree = second!.commit.tree.sha;
  const byHand = { ...place, message: 'By hand', tree, parents: [second!.sha] };
  const { sha } = (await rest.git.createCommit(byHand)).data;
  await rest.git.updateRef({ ...place, ref: `heads/${branch}`, sha });
  const asked = fleet.model.requests.length;
  await revise(jobId, { instruction: 'Revise: third', repositories: ['local/one'] });
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', revisions: { notStarted: 1 } });
  expect(fleet.model.requests).toHaveLength(asked);
  expect((await fleet.rows(jobId)).one).toMatchObject({
    ...{ status: 'completed', resultRun: 2 },
    revision: { run: 3, cameTo: 'notStarted', error: { name: 'BranchHasOtherCommitsError' } },
  });
});

test('a revision that takes the change back closes its pull request, and says why', async () => {
  const jobId = await fleet.post(['two'], { createPullRequests: true });
  await fleet.ended(jobId);
  const { rest } = new Octokit({ baseUrl: `${fleet.stack.gitHub}/api/v3` });
  const { pullRequestNumber } = (await fleet.rows(jobId)).two!;
  await revise(jobId, { instruction: 'Revise: undo', repositories: ['local/two'] });
  expect(await fleet.ended(jobId)).toMatchObject({
    ...{ status: 'completed', revisions: { replaced: 1 } },
    pullRequests: { open: 0, closed: 1 },
  });
  expect((await fleet.rows(jobId)).two).toMatchObject({
    outcome: 'unchanged',
    pullRequest: { state: 'closed' },
  });
  expect(await diffOf(jobId, 'two')).toBe('');
  const place = { owner: 'local', repo: 'two' };
  const { data: pull } = await rest.pulls.get({ ...place, pull_number: pullRequestNumber! });
  expect(pull.state).toBe('closed');
  const { data: comments } = await rest.issues.listComments({ ...place, issue_number: pullRequestNumber! });
  expect(comments.map(({ body }) => body)).toEqual([expect.stringContaining('nothing has to change here')]);
});
