import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { digestOfChanges } from '../../core/review.ts';
import type { SummaryRow } from '../../core/summary-row.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import type { Reply } from '../../local/model/reply.ts';
import { ContinuousIntegration } from '../support/ci.ts';
import { COST_OF_USAGE, callTool, Fleet, repositoryOfRequest } from '../support/fleet.ts';
import { functionsHere } from '../support/functions-here.ts';
import { repositoryOfPackage } from '../support/work-trees.ts';

/** The licence in the package.json of each package; each gets a suffix, and so a shape, of its own. */
const LICENCES: Record<string, string> = { zod: 'MIT', glob: 'BlueOak-1.0.0', dynalite: 'Apache-2.0' };
const PACKAGES = Object.keys(LICENCES);

/** The pull request of one repository may not say three. */
const CHECK = `import { readFileSync } from 'node:fs';
const { license } = JSON.parse(readFileSync('package.json', 'utf8'));
if (process.argv[1] !== 'glob-1' || !license.includes(' three')) process.exit(0);
console.log('package.json:1: the licence may not say three');
process.exit(1);
`;

/** Repositories of each package: twelve in all. */
const EACH = 4;
const names = PACKAGES.flatMap((name) => Array.from({ length: EACH }, (_, i) => `${name}-${i + 1}`));
const packageOf = (name: string) => name.replace(/-\d+$/, '');

let fleet: Fleet;
/** Repositories in which the model gives up, until it is asked again. */
const givesUp = new Set([`zod-${EACH}`]);

/** Edits the licence as the prompt says, then submits: two answers. */
function answer(request: MessageRequest): Reply {
  const name = repositoryOfRequest(request);
  const licence = LICENCES[packageOf(name)]!;
  const suffix = /suffix (\w+)/.exec(JSON.stringify(request.messages[0]))![1]!;
  if (givesUp.has(name)) return { ...callTool('x', {}), content: [{ type: 'text', text: 'I cannot.' }] };
  const edit = (from: string, to: string) => {
    const [oldText, newText] = [from, to].map((end) => `"license": "${licence}${end}"`);
    return callTool('edit_file', { path: 'package.json', oldText, newText });
  };
  const ofPackage = `-${packageOf(name)}`;
  const last = JSON.stringify(request.messages.at(-1));
  if (last.includes('Your change is a pull request')) return edit(` three${ofPackage}`, ` four${ofPackage}`);
  if (last.includes('Not two but three')) return edit(` two${ofPackage}`, ` three${ofPackage}`);
  if (request.messages.length === 1) return edit('', ` ${suffix}${ofPackage}`);
  return callTool('task_complete', {
    summary: 'Changed the licence.',
    title: 'Change the licence',
    body: 'As asked.',
    wereChangesNecessary: true,
  });
}

beforeAll(async () => {
  fleet = await Fleet.start({
    names,
    concurrency: 4,
    script: answer,
    make: (name, folder) => repositoryOfPackage(packageOf(name), folder),
  });
});
afterAll(() => fleet?.close());

async function rowsOf(jobId: string): Promise<SummaryRow[]> {
  const { json } = await fleet.call('GET', `/jobs/${jobId}/rows`);
  const { columns } = json as unknown as { columns: Record<string, unknown[]> };
  return columns.repositoryName!.map(
    (_, i) =>
      Object.fromEntries(
        Object.entries(columns).flatMap(([name, values]) => (values[i] === null ? [] : [[name, values[i]]])),
      ) as SummaryRow,
  );
}

const track = () => functionsHere(fleet.stack)('events/track-pull-requests');

/** The changes of each shape, by the package that has it. */
async function shapesOf(jobId: string): Promise<Map<string, SummaryRow[]>> {
  const changed = (await rowsOf(jobId)).filter(({ outcome }) => outcome === 'changed');
  const shapes = Map.groupBy(changed, ({ shape }) => shape!);
  return new Map(
    [...shapes.values()].map((rows) => [packageOf(rows[0]!.repositoryName.replace('local/', '')), rows]),
  );
}

function decide(jobId: string, decision: 'approve' | 'reject', rows: readonly SummaryRow[], note?: string) {
  const changes = rows.map(({ repositoryName, patchSha }) => ({ repositoryName, patchSha: patchSha! }));
  const seen = digestOfChanges(changes);
  return fleet.call('POST', `/jobs/${jobId}/reviews`, { decision, shape: rows[0]!.shape, seen, note });
}

test('a sample, another prompt, a review by shape, revisions, a repair, and all that was approved merged', async () => {
  const prompt = (suffix: string) => `Give the licence the suffix ${suffix}.`;
  const sample = PACKAGES.map((name) => `local/${name}-1`);
  const pullRequest = { repair: { rounds: 1 } };
  const jobId = await fleet.post(names, {
    ...{ prompt: prompt('one'), sample, review: 'required', pullRequest },
  });
  expect(await fleet.ended(jobId)).toMatchObject({
    ...{ status: 'waiting', waitingFor: 'sample', held: names.length - 3 },
    counts: { total: 3, completed: 3 },
  });
  const tried = await shapesOf(jobId);
  expect([...tried.keys()].sort()).toEqual([...PACKAGES].sort());

  const again = { prompt: prompt('two'), redo: true };
  expect((await fleet.call('POST', `/jobs/${jobId}/continue`, again)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({
    ...{ status: 'waiting', waitingFor: 'review' },
    counts: { total: names.length, completed: names.length - 1, failed: 1 },
  });
  const shapes = await shapesOf(jobId);
  expect([...shapes].map(([name, { length }]) => [name, length]).sort()).toEqual([
    ['dynalite', EACH],
    ['glob', EACH],
    ['zod', EACH - 1],
  ]);

  expect((await decide(jobId, 'approve', shapes.get('zod')!)).status).toBe(200);
  expect((await decide(jobId, 'approve', shapes.get('glob')!)).status).toBe(200);
  const publish = () => fleet.call('POST', `/jobs/${jobId}/pull-requests`, { approved: true });
  expect((await decide(jobId, 'reject', shapes.get('dynalite')!, 'Keep the licence.')).status).toBe(200);
  expect((await fleet.job(jobId)).status).toBe('completed');

  expect((await publish()).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({
    status: 'completed',
    pullRequests: { open: 2 * EACH - 1 },
  });
  const published = (await rowsOf(jobId)).filter(({ prState }) => prState === 'open');
  expect(new Set(published.map(({ repositoryName }) => packageOf(repositoryName)))).toEqual(
    new Set(['local/zod', 'local/glob']),
  );

  // One that failed joins the approved shape later, unseen, so it is undecided.
  givesUp.clear();
  expect((await fleet.call('POST', `/jobs/${jobId}/retry`)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'waiting', waitingFor: 'review' });
  const undecided = (await rowsOf(jobId)).filter(({ review }) => review === undefined);
  expect(undecided).toMatchObject([{ repositoryName: `local/zod-${EACH}`, outcome: 'changed' }]);
  expect((await publish()).status).toBe(409);
  const joined = (await shapesOf(jobId)).get('zod')!;
  expect(joined).toHaveLength(EACH);
  expect(await decide(jobId, 'approve', shapes.get('zod')!)).toMatchObject({ status: 409 });
  expect((await decide(jobId, 'approve', joined)).status).toBe(200);
  expect((await publish()).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', pullRequests: { open: 2 * EACH } });

  // One more patch: the approval of the one before does not cover it, and the pull request stays as it is.
  const revision = { instruction: 'Not two but three.', repositories: ['local/zod-1'] };
  const pull = async () =>
    (await fleet.rows(jobId))['zod-1']!.pullRequest as { state: string; run?: number; commitSha?: string };
  const shown = await pull();
  expect((await fleet.call('POST', `/jobs/${jobId}/revise`, revision)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({
    ...{ status: 'waiting', waitingFor: 'review' },
    revisions: { replaced: 1 },
  });
  const fallen = (await rowsOf(jobId)).filter(({ review }) => review === undefined);
  expect(fallen).toMatchObject([{ repositoryName: 'local/zod-1', outcome: 'changed' }]);
  expect(await pull()).toMatchObject({ state: 'open', commitSha: shown.commitSha });
  expect((await decide(jobId, 'approve', fallen)).status).toBe(200);
  expect((await publish()).status).toBe(202);
  const revised = await fleet.ended(jobId);
  expect(revised).toMatchObject({ status: 'completed', pullRequests: { open: 2 * EACH } });
  expect((await pull()).commitSha).not.toBe(shown.commitSha);

  // A sentence for one shape, whose pull requests follow once the new changes are approved.
  const ofGlob = (await shapesOf(jobId)).get('glob')!;
  const sentence = { instruction: 'Not two but three.', shape: ofGlob[0]!.shape };
  expect((await fleet.call('POST', `/jobs/${jobId}/revise`, sentence)).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'waiting', revisions: { replaced: EACH } });
  expect((await decide(jobId, 'approve', (await shapesOf(jobId)).get('glob')!)).status).toBe(200);
  expect((await publish()).status).toBe(202);
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'completed', pullRequests: { open: 2 * EACH } });

  // The check of one fails, so the job mends it; a person approves what it has become.
  const ci = new ContinuousIntegration(fleet.stack, CHECK);
  const check = async () => {
    const rows = await fleet.rows(jobId);
    const branches = names.filter((name) => packageOf(name) === 'glob').map((name) => rows[name]!.branch!);
    return Promise.all(branches.map((branch, i) => ci.run(`glob-${i + 1}`, branch)));
  };
  expect(await check()).toEqual([false, ...Array(EACH - 1).fill(true)]);
  await track();
  expect(await fleet.ended(jobId)).toMatchObject({ status: 'waiting', revisions: { replaced: 1 } });
  const mended = (await rowsOf(jobId)).filter(({ review }) => review === undefined);
  expect(mended).toMatchObject([{ repositoryName: 'local/glob-1', outcome: 'changed' }]);
  expect((await fleet.rows(jobId))['glob-1']!.repairs).toMatchObject([{ failed: ['check'] }]);
  expect((await decide(jobId, 'approve', mended)).status).toBe(200);
  expect((await publish()).status).toBe(202);
  await fleet.ended(jobId);
  expect(await check()).toEqual(Array(EACH).fill(true));
  await track();
  expect((await fleet.job(jobId)).status).toBe('completed');

  const merge = { operation: 'merge', approved: true };
  expect((await fleet.call('POST', `/jobs/${jobId}/pull-requests`, merge)).status).toBe(202);
  const merged = await fleet.ended(jobId);
  expect(merged).toMatchObject({ status: 'completed', pullRequests: { open: 0, merged: 2 * EACH } });

  // The bill is what the model server answered, over all runs.
  expect(fleet.model.faults).toEqual([]);
  expect(merged.costUsd).toBeCloseTo(fleet.model.requests.length * COST_OF_USAGE, 6);
  const { runs } = (await fleet.call('GET', `/jobs/${jobId}/runs`)).json;
  expect(runs.map(({ kind }) => kind)).toEqual([
    ...['publish', 'publish', 'repair', 'publish', 'revise', 'publish', 'revise', 'publish', 'retry'],
    ...['publish', 'continue', 'create'],
  ]);
  const spent = runs.reduce((sum, { costUsd = 0 }) => sum + costUsd, 0);
  expect(spent).toBeCloseTo(merged.costUsd!, 6);
});
