import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { HIDDEN_CHARACTERS } from '../../core/hidden-characters.ts';
import { CHROMIUM, faultsOf, openBrowser } from '../support/browser.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { HOSTILE_LINE, HOSTILE_TEXTS } from '../support/hostile-text.ts';
import { type PageStack, startPageStack } from '../support/page-stack.ts';

const inBrowser = CHROMIUM ? test : test.skip;

/** Names of files cannot have a slash, and few disks take more than 255 bytes. */
const fileName = (text: string) =>
  Buffer.from(text.replaceAll('/', '∕')).subarray(0, 120).toString().replaceAll('\ufffd', '');

/** What hides comes first, so that it is in a name of 200 characters. */
const NAME = `${HOSTILE_TEXTS[6]} ${HOSTILE_LINE}`.slice(0, 200);
const CALLS = 'oldCall(1);\n';
const REPOSITORIES = {
  texts: { 'a.js': HOSTILE_TEXTS.map((text) => `oldCall("${text}");\n${text}\n`).join('') },
  names: Object.fromEntries(HOSTILE_TEXTS.map((text, index) => [`${index} ${fileName(text)}`, CALLS])),
  long: { 'long.js': `${'x'.repeat(2_000_000)} oldCall(1);\n${CALLS}` },
  failing: { 'fails.txt': `${HOSTILE_LINE}\n`, 'a.js': CALLS },
};

const LOOK = readFileSync(new URL('./look.js', import.meta.url), 'utf8')
  .trim()
  .replace(/;$/, '');

let stack: PageStack;
let browser: Browser;
let jobId: string;
beforeAll(async () => {
  if (!CHROMIUM) return;
  stack = await startPageStack(REPOSITORIES);
  browser = await openBrowser();
  const prompt = `Replace all occurrences of 'oldCall(' with 'newCall('.\n${HOSTILE_LINE}`;
  const repositories = Object.keys(REPOSITORIES).map((name) => `local/${name}`);
  jobId = await stack.startJob({
    name: NAME,
    prompt,
    repositories,
    settings: {
      maxPatchKiB: 16_000,
      verify: ['if [ -f fails.txt ]; then cat fails.txt fails.txt >&2; exit 1; fi'],
    },
    pullRequest: { title: NAME },
  });
  await endOfJob(stack.api, jobId);
  const { columns } = (await (await fetch(`${stack.api}/jobs/${jobId}/rows`)).json()) as {
    columns: { repositoryName: string[]; patchSha: string[] };
  };
  const at = columns.repositoryName.indexOf('local/texts');
  await stack.post(`/jobs/${jobId}/reviews`, {
    decision: 'approve',
    note: HOSTILE_LINE.slice(0, 2000),
    repositories: ['local/texts'],
    seen: createHash('sha256').update(`local/texts ${columns.patchSha[at]}\n`).digest('hex'),
  });
  await stack.post(`/jobs/${jobId}/revise`, { instruction: HOSTILE_LINE, repositories: ['local/names'] });
  await endOfJob(stack.api, jobId);
  await stack.post(`/jobs/${jobId}/pull-requests`, {
    repositories: ['local/texts', 'local/names', 'local/long'],
  });
  await endOfJob(stack.api, jobId);
});
afterAll(async () => {
  await browser?.close();
  await stack?.close();
});

inBrowser.each([1280, 390])(
  'hostile text runs nowhere, hides nothing and breaks no layout, %s pixels wide',
  async (width) => {
    const context = await browser.newContext({ viewport: { width, height: 900 } });
    const page: Page = await context.newPage();
    const found: string[] = [];
    const faults = faultsOf(page);
    page.on('dialog', (dialog) => {
      found.push(`a dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const { origin } = new URL(request.url());
      if (![stack.api, stack.gitHub].includes(origin)) found.push(`a request to ${request.url()}`);
    });
    const addresses = [
      '/',
      '/j',
      `/new?from=${jobId}`,
      '/pulls',
      ...['', '?tab=shapes', '?tab=failures', '?tab=pulls', '?tab=runs', '?tab=settings', '/review'].map(
        (rest) => `/j/${jobId}${rest}`,
      ),
      ...['texts', 'names', 'long', 'failing'].flatMap((name) =>
        ['', '?tab=conversation', '?tab=conversation&view=technical', '?tab=log', '?tab=record'].map(
          (rest) => `/j/${jobId}/r/local/${name}${rest}`,
        ),
      ),
      `/j/%3Cscript%3Ealert(1)%3C%2Fscript%3E%E2%80%AE`,
      `/j?text=${encodeURIComponent(HOSTILE_LINE.slice(0, 200))}`,
    ].map((address) => stack.api + address);
    for (const name of ['texts', 'names', 'long'])
      addresses.push(`${stack.gitHub}/local/${name}`, `${stack.gitHub}/local/${name}/pull/1`);
    for (const address of addresses) {
      await page.goto(address);
      await page
        .locator('main h1')
        .waitFor()
        .catch(() => found.push(`${address} shows no heading`));
      await page.waitForLoadState('networkidle');
      const seen = await page.evaluate<string[]>(`(${LOOK})(${JSON.stringify(HIDDEN_CHARACTERS.source)})`);
      found.push(...seen.map((fault) => `${address}: ${fault}`));
    }
    expect([...found, ...faults]).toEqual([]);
    await context.close();
  },
);

inBrowser(
  'what would hide is shown by its code point, in a name, a patch, a note and a pull request',
  async () => {
    const page = await browser.newPage();
    const missing: string[] = [];
    for (const address of [
      `${stack.api}/j/${jobId}`,
      `${stack.api}/j/${jobId}/r/local/texts`,
      `${stack.api}/j/${jobId}/r/local/texts?tab=record`,
      `${stack.gitHub}/local/texts/pull/1`,
    ]) {
      await page.goto(address);
      await page
        .getByText('U+202E')
        .first()
        .waitFor()
        .catch(() => missing.push(address));
    }
    expect(missing).toEqual([]);
    await page.close();
  },
);
