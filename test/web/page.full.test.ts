import path from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { buildPage } from '../../bin/build-page.ts';
import { registerWorkTrees } from '../../cli/trees/register.ts';
import { inspectWorkTree } from '../../cli/trees/work-tree.ts';
import { hasPage, PAGE_FOLDER } from '../../local/page.ts';
import { CHROMIUM, faultsOf, openBrowser } from '../support/browser.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { until } from '../support/until.ts';
import { repositoryOf } from '../support/work-trees.ts';

const inBrowser = CHROMIUM ? test : test.skip;
if (!CHROMIUM) {
  console.warn(
    'The tests of the page are left out: there is no Chromium. Install it: apt-get install chromium.',
  );
}

const NAMES = ['one', 'two', 'three', 'four'];
/** A name that hides and a markup that would run, if a page took text for more than text. */
const HOSTILE = 'Rename \u202eevil\u200b <img src=x onerror="document.title=\'ran\'"> \u001b[31mred';

let stack: ServedStack;
let browser: Browser;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  if (!CHROMIUM) return;
  if (!hasPage()) await buildPage();
  folder = await temporaryFolder();
  const trees = NAMES.map((name) => path.join(folder.path, name));
  for (const tree of trees) {
    await repositoryOf(tree, {
      'a.js': 'oldCall(1);\noldCall(2);\n',
      'hidden.ts': 'oldCall(3); // \u202e\u2066\n',
      'page.html': '<p title="a &amp; b">&amp;</p>\n<script>oldCall(4)</script>\n',
    });
  }
  stack = await startStackProcess({
    ...{ page: PAGE_FOLDER, trackingSeconds: 2 },
    // A folder stands for an image; nothing of it is needed.
    given: { LOCAL_IMAGES: JSON.stringify({ tools: folder.path }) },
  });
  await registerWorkTrees(await Promise.all(trees.map(inspectWorkTree)), stack.gitHub);
  browser = await openBrowser();
});
afterAll(async () => {
  await browser?.close();
  await stack?.close();
  await folder?.remove();
});

let jobId = '';
let failedJobId = '';

inBrowser('a person tries a sample, runs the rest, reviews by keyboard and publishes', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  // A draft of an earlier version is not left behind.
  await page.addInitScript("localStorage.setItem('cody-batch-draft', 'old')");
  await page.goto(`${stack.api}/new`);
  await page.getByLabel('Name', { exact: true }).fill(HOSTILE);
  await page.getByLabel('Prompt').fill("Replace all occurrences of 'oldCall(' with 'newCall('.");
  await page.getByLabel('Names, patterns or searches').fill(NAMES.map((name) => `local/${name}`).join('\n'));
  await page.getByText('4 repositories', { exact: true }).waitFor();
  // What is not allowed is told as one types.
  await page.getByLabel('Names, patterns or searches').press('End');
  await page.keyboard.type('\nother/repository');
  await page.getByText('4 repositories, 1 left out').waitFor();
  await page.getByRole('button', { name: 'Remove 1 from the list' }).click();
  await page.getByText('4 repositories', { exact: true }).waitFor();
  await page.getByLabel('Worker image').selectOption('tools');
  await page.getByLabel('Labels').fill('bot, generated');
  expect(await page.evaluate("localStorage.getItem('cody-batch-draft')")).toBeNull();
  // A half filled form outlives a reload.
  await page.reload();
  await page.getByText('4 repositories', { exact: true }).waitFor();
  await page.getByLabel('First').fill('2');
  await page.getByRole('button', { name: 'Try on a sample of 2' }).click();
  await page.waitForURL(/\/j\/job-/);
  jobId = /job-\w+/.exec(page.url())![0];
  await page.locator('h1', { hasText: 'U+202E' }).waitFor();
  const asked = await fetch(`${stack.api}/jobs/${jobId}?limit=0`);
  expect(await asked.json()).toMatchObject({
    settings: { image: 'tools' },
    pullRequest: { labels: ['bot', 'generated'] },
  });

  // The first answer is lost after the API has given it: the page asks again, and one run is started.
  const keys: (string | undefined)[] = [];
  await page.route('**/continue', async (route) => {
    keys.push(route.request().headers()['idempotency-key']);
    if (keys.length > 1) return route.continue();
    await route.fetch();
    return route.abort();
  });
  await page.getByRole('button', { name: 'Run the rest (2)' }).click();
  await page.getByText('4 repositories', { exact: true }).waitFor();
  const { run } = await endOfJob(stack.api, jobId);
  expect({ run, calls: keys.length, keys: new Set(keys).size }).toEqual({ run: 2, calls: 2, keys: 1 });

  await page.goto(`${stack.api}/j/${jobId}/review`);
  await page.getByText('newCall(1)').first().waitFor();
  await page.keyboard.press('x');
  await page.getByText('4 rejected').first().waitFor();
  await page.keyboard.press('u');
  await page.getByText('4 undecided').first().waitFor();
  const summary = page.locator('main p[role=status]').first();
  await page.keyboard.press('a');
  await summary.getByText('4 approved').waitFor();
  await page.keyboard.press('x');
  await summary.getByText('4 rejected').waitFor();
  // Back to the approval, and not to no decision; then the approval is taken back, too.
  await page.keyboard.press('u');
  await summary.getByText('4 approved').waitFor();
  await page.keyboard.press('u');
  await summary.getByText('4 undecided').waitFor();
  await page.keyboard.press('X');
  await summary.getByText('1 rejected, 3 undecided').waitFor();
  await page.keyboard.press('A');
  await page.getByText('Approve 3 undecided changes in 1 shape?').waitFor();
  await page.getByRole('button', { name: 'Approve them' }).click();
  await summary.getByText('3 approved, 1 rejected').waitFor();
  await page.keyboard.press('u');
  await summary.getByText('1 rejected, 3 undecided').waitFor();
  await page.keyboard.press('u');
  await summary.getByText('4 undecided').waitFor();
  await page.keyboard.press('a');
  await summary.getByText(/4 approved, 0 rejected, 0 undecided$/).waitFor();
  await page.getByRole('button', { name: 'Publish 4 approved' }).click();
  await page.getByRole('button', { name: 'Open them' }).click();
  await page.getByText('on their way').waitFor();
  const { pullRequests } = await endOfJob(stack.api, jobId);
  expect(pullRequests).toMatchObject({ open: 4 });

  expect(await page.title()).not.toBe('ran');
  expect(faults).toEqual([]);
  await page.close();
});

inBrowser('a diff is read file by file by keyboard, in colours, with marks for what would hide', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  await page.goto(`${stack.api}/j/${jobId}/r/local/one`);
  const diff = page.getByRole('region', { name: 'Change of local/one' });
  await diff.getByText('newCall(1)').waitFor();
  await diff.locator('.token.number').first().waitFor();
  await diff.locator('.diff-code-edit', { hasText: 'new' }).first().waitFor();
  expect(await diff.getByText('U+202E').count()).toBe(2);
  await page.keyboard.press('/');
  await page.keyboard.type('CALL(3)');
  await page.getByText('2 lines', { exact: true }).waitFor();
  await page.keyboard.press('Enter');
  await page.getByText('1 of 2', { exact: true }).waitFor();
  // The browser's own search is told to be of a part, once there is more than the screen has.
  await page.setViewportSize({ width: 1280, height: 200 });
  await page.keyboard.press('Control+f');
  await page.getByText('searches only what is on screen').waitFor();
  await page.setViewportSize({ width: 1280, height: 900 });
  await page.getByRole('button', { name: 'Copy the patch' }).focus();
  await page.keyboard.press('s');
  await diff.locator('.diff-split').first().waitFor();
  await page.keyboard.press(']');
  await page.keyboard.press(']');
  await page.waitForURL(/file=page.html/);
  await page.keyboard.press('v');
  await page.reload();
  await page.locator('option:checked', { hasText: 'page.html' }).waitFor({ state: 'attached' });
  const viewed = (name: string) => page.getByLabel(`Viewed: ${name}`).isChecked();
  expect([await viewed('a.js'), await viewed('page.html')]).toEqual([false, true]);
  await page.goto(`${stack.api}/j/${jobId}/r/local/one?file=hidden.ts&line=1`);
  await diff.locator('mark', { hasText: '1' }).waitFor();
  // The highlighter asks what an entity means: that must not set innerHTML.
  await diff.locator('.token.entity').first().waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

inBrowser('the graph and the timeline show what a job has come through', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  await page.goto(`${stack.api}/j/${jobId}?tab=runs`);
  const timeline = page.getByRole('list', { name: 'Timeline' });
  await timeline.getByText('The sample is there').waitFor();
  await timeline.getByText('the rest was let in').waitFor();
  await timeline.getByText('a shape of 4 changes').waitFor();
  await timeline.getByText('pull requests were asked for').waitFor();
  await page.getByText(/Graph of run \d/).click();
  // The job's last run published: its own lane and that of pull requests have been gone through.
  const job = page.getByRole('region', { name: 'States: The job' });
  await job.locator('li[data-status=succeeded]', { hasText: 'OpenPullRequests' }).waitFor();
  await page.getByText('4 of 4 done').waitFor();
  expect(await job.getByRole('listitem').count()).toBeLessThan(12);
  await page.getByLabel('All states').check();
  await job.getByText('FailJob').waitFor();
  await page.getByRole('link', { name: 'OpenPullRequest', exact: true }).click();
  await page.getByText('4 of 4 repositories match').waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

inBrowser('a person comments on a pull request, and has one with a failing check repaired', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  const ofGitHub = (path: string, body?: object) =>
    fetch(`${stack.gitHub}/api/v3/repos/local/${path}`, {
      ...(body && { method: 'POST', body: JSON.stringify(body) }),
      headers: { 'content-type': 'application/json' },
    }).then((answer) => answer.json());
  await page.goto(`${stack.api}/j/${jobId}?tab=pulls`);
  await page.getByLabel('Select local/two').check();
  await page.getByRole('button', { name: 'Comment (1)…' }).click();
  await page.getByLabel('Comment', { exact: true }).fill('Please look at this.');
  await page.getByRole('button', { name: 'Comment 1', exact: true }).click();
  await page.getByText('1 of 1 done', { exact: true }).waitFor();
  await endOfJob(stack.api, jobId);
  expect(await ofGitHub('two/issues/1/comments')).toMatchObject([
    { body: expect.stringContaining('Please look') },
  ]);
  expect(await ofGitHub('one/issues/1/comments')).toEqual([]);

  const { head } = (await ofGitHub('three/pulls/1')) as { head: { sha: string } };
  const about = { name: 'unit tests', head_sha: head.sha, status: 'completed', conclusion: 'failure' };
  await ofGitHub('three/check-runs', about);
  await until('the red check to be seen', async () => {
    const read = await fetch(`${stack.api}/jobs/${jobId}/pull-requests`);
    return (await read.text()).includes('unit tests') ? true : undefined;
  });
  await page.reload();
  await page.getByRole('link', { name: 'unit tests' }).click();
  await page.waitForURL(/check=unit/);
  await page.getByText('1 of 4 repositories match').waitFor();
  await page.getByRole('button', { name: 'Repair these 1' }).click();
  await page.getByRole('button', { name: 'Repair 1', exact: true }).click();
  await page.getByRole('table', { name: 'Repairs' }).getByRole('row').nth(1).waitFor();
  await endOfJob(stack.api, jobId);
  await page.goto(`${stack.api}/j/${jobId}/r/local/three?tab=runs`);
  await page.getByText('mend unit tests').waitFor();
  await page.getByRole('link', { name: 'diff of run 1' }).click();
  await page.getByText('This is of run').waitFor();
  expect(faults).toEqual([]);
  await page.close();
});

inBrowser('repositories that failed in the same way are retried together', async () => {
  const response = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Too large',
      prompt: `Replace all occurrences of 'oldCall(' with '${'x'.repeat(1500)}('.`,
      repositories: ['local/one', 'local/two'],
      settings: { maxPatchKiB: 1 },
    }),
  });
  failedJobId = ((await response.json()) as { jobId: string }).jobId;
  await endOfJob(stack.api, failedJobId);
  const page = await browser.newPage();
  const faults = faultsOf(page);
  await page.goto(`${stack.api}/j/${failedJobId}?tab=failures`);
  await page.getByText('2 repositories', { exact: true }).waitFor();
  await page.getByRole('button', { name: 'Retry these 2' }).click();
  await page.getByText('Graph of run 2').waitFor();
  const { run, counts } = await endOfJob(stack.api, failedJobId);
  await page.getByRole('link', { name: 'Repositories 2' }).click();
  await page.getByLabel('Status').selectOption('failed');
  await page.getByRole('button', { name: 'Select all 2 that match' }).click();
  await page.getByText('2 selected', { exact: true }).waitFor();
  // What was begun on one job is not about another.
  await page.evaluate(`history.pushState({}, '', '/j/${jobId}')`);
  await page.getByText('4 repositories', { exact: true }).waitFor();
  expect(await page.getByText('selected').count()).toBe(0);
  await page.goBack();
  await page.getByText('2 selected', { exact: true }).waitFor();
  expect({ run, failed: counts.failed }).toEqual({ run: 2, failed: 2 });
  expect(faults).toEqual([]);
  await page.close();
});

inBrowser('a person cancels a job, and retries one of its repositories', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  const answer = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      name: 'Slow checks',
      prompt: "Replace all occurrences of 'oldCall(' with 'laterCall('.",
      repositories: ['local/one', 'local/two'],
      settings: { verify: ['sleep 15'] },
    }),
  });
  const { jobId: slow } = (await answer.json()) as { jobId: string };
  await page.goto(`${stack.api}/j/${slow}`);
  await page.getByRole('cell').getByText('processing').nth(1).waitFor();
  await page.getByRole('button', { name: 'Cancel' }).click();
  await page.getByRole('button', { name: 'Cancel the job' }).click();
  await page.getByRole('button', { name: 'Retry 2' }).waitFor();
  await page.getByLabel('Select local/one').check();
  await page.getByRole('button', { name: 'Retry 1', exact: true }).click();
  await until(
    'the retried repository',
    async () => {
      const read = await fetch(`${stack.api}/jobs/${slow}/repositories/local/one`);
      const row = (await read.json()) as { status: string };
      return row.status === 'completed' ? true : undefined;
    },
    120_000,
  );
  await endOfJob(stack.api, slow);
  await page.getByRole('cell').getByText('changed').first().waitFor();
  expect(faults).toEqual([]);

  await page.route('**/api/**', (route) => route.abort('connectionrefused'));
  await page.getByRole('link', { name: 'Jobs', exact: true }).click();
  await page.getByText('The API cannot be reached').waitFor();
  await page.locator('header [data-state=failing]').waitFor();
  await page.close();
});

/** The rules that depend on colours; dark differs from light in nothing else. */
const OF_COLOURS = ['color-contrast', 'link-in-text-block'];

/**
 * The violations that axe finds. The page has no frames, so axe may run in legacy mode, within the page. Its default mode opens
 * a new page for each analysis, which costs several times the CPU.
 */
async function violationsOf(page: Page, rules?: string[]): Promise<string[]> {
  const isThere = await page.evaluate("'axe' in window");
  const axe = new AxeBuilder({ page, ...(isThere === true && { axeSource: 'void 0' }) });
  axe.options({ resultTypes: ['violations'] }).setLegacyMode();
  const { violations } = await (rules ? axe.withRules(rules) : axe).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 200)}`);
}

inBrowser(
  'every page can be used with a screen reader, in light, dark and on a phone, and breaks no policy',
  async () => {
    const paths = ['/', '/j', '/new', '/pulls', `/j/${jobId}`, `/j/${jobId}/review`].concat(
      [
        '',
        '?tab=conversation',
        '?tab=conversation&view=technical',
        '?tab=log',
        '?tab=runs',
        '?tab=record',
      ].map((query) => `/j/${jobId}/r/local/one${query}`),
      ['shapes', 'failures', 'pulls', 'runs', 'settings'].map((tab) => `/j/${jobId}?tab=${tab}`),
      [`/j/${failedJobId}?tab=failures`],
    );
    const found: string[] = [];
    const context = await browser.newContext();
    const page = await context.newPage();
    const faults = faultsOf(page);
    const addresses = [...paths.map((to) => stack.api + to), `${stack.gitHub}/local/one/pull/1`];
    for (const address of addresses) {
      await page.setViewportSize({ width: 1280, height: 900 });
      await page.goto(address);
      await page.locator('main h1').waitFor();
      await page.waitForLoadState('networkidle');
      const graph = page.getByText(/Graph of run/);
      if (address === `${stack.api}/j/${jobId}` && (await graph.isVisible())) {
        await graph.click();
        await page.getByText('All states').click();
      }
      // The styles follow both without a reload, as when a person turns a phone or the evening comes.
      for (const [colorScheme, width] of [
        ['light', 1280],
        ['dark', 1280],
        ['light', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme });
        await page.setViewportSize({ width, height: 900 });
        found.push(
          ...(await violationsOf(page, colorScheme === 'dark' ? OF_COLOURS : undefined)).map(
            (fault) => `${address} ${colorScheme} ${width}: ${fault}`,
          ),
        );
      }
    }
    await context.close();
    found.push(...faults);
    expect(found).toEqual([]);
  },
);

/** Last: it changes the files of a repository that the other tests use. */
inBrowser('a merge on the page of the local GitHub arrives on the page of the job', async () => {
  const page = await browser.newPage();
  const faults = faultsOf(page);
  await page.goto(`${stack.api}/j/${jobId}?text=one`);
  await page.getByText('#1', { exact: false }).first().waitFor();
  const gitHub = await browser.newPage();
  faultsOf(gitHub, faults);
  await gitHub.goto(`${stack.gitHub}/local/one/pull/1`);
  await gitHub.getByRole('button', { name: 'Merge pull request' }).click();
  await gitHub.getByText('Merged by local').waitFor();
  await gitHub.close();
  await until('the merge on the job', async () => {
    const read = await fetch(`${stack.api}/jobs/${jobId}?limit=0`);
    const job = (await read.json()) as { pullRequests: { merged: number } };
    return job.pullRequests.merged === 1 ? true : undefined;
  });
  // As when a person returns to the tab; more than once, because what was read within the last second is not read again.
  const merged = page.getByRole('cell').getByText('merged');
  await until('the merge on the page', async () => {
    await page.evaluate("window.dispatchEvent(new Event('visibilitychange'))");
    return (await merged.isVisible()) ? true : undefined;
  });
  expect(faults).toEqual([]);
  await page.close();
});
