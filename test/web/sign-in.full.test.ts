import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { RunRecord } from '../../core/run-record.ts';
import { STATE_MACHINE_ARN } from '../../local/environment.ts';
import { OFFLINE_MODEL } from '../../local/model/offline-model.ts';
import { CHROMIUM, faultsOf, openBrowser } from '../support/browser.ts';
import { type DeployedPage, startDeployedPage } from '../support/deployed-page.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { type PageStack, startPageStack } from '../support/page-stack.ts';

const inBrowser = CHROMIUM ? test : test.skip;
const NAMES = ['one', 'two', 'three'];
const PEOPLE = {
  ada: { email: 'ada@example.com', groups: ['cody-batch/admin', 'all'] },
  vic: { email: 'vic@example.com', groups: ['cody-batch/viewer', 'team-two'] },
};

let stack: PageStack;
let deployed: DeployedPage;
let browser: Browser;
/** Ada's browser, and the page that she goes on with. */
let ada: BrowserContext;
let page: Page;
let faults: string[];
let jobId: string;

beforeAll(async () => {
  if (!CHROMIUM) return;
  const files = { 'a.js': 'oldCall(1);\n' };
  stack = await startPageStack(Object.fromEntries(NAMES.map((name) => [name, files])));
  Object.assign(process.env, {
    ...stack.awsVariables,
    DYNAMODB_TABLE_PREFIX: 'cody-batch-local',
    ARTIFACTS_URL: pathToFileURL(`${stack.dataFolder}/artifacts`).href,
    STATE_MACHINE_ARN,
    JOB_QUEUE: 'cody-batch-local-job-queue',
    WORKER_IMAGES: 'default',
    ALLOWED_REPOSITORIES: 'local/*',
    GITHUB_API_URL: `${stack.gitHub}/api/v3`,
    CLAUDE_MODEL: OFFLINE_MODEL,
    ALLOWED_MODELS: '',
    ALLOW_UNPRICED_MODELS: 'true',
    ROLES_CLAIM: 'groups',
    REPOSITORY_GROUPS: JSON.stringify({ all: ['local/*'], 'team-two': ['local/two'] }),
    POWERTOOLS_LOG_LEVEL: 'SILENT',
  });
  // The issuer warns of defaults that are meant for tests.
  jest.spyOn(console, 'warn').mockImplementation(() => {});
  jest.spyOn(console, 'info').mockImplementation(() => {});
  const { handler } = await import('../../lambdas/api/handler.ts');
  deployed = await startDeployedPage(handler, PEOPLE);
  browser = await openBrowser();
  ada = await newContext();
  page = await ada.newPage();
  faults = faultsOf(page);
  jobId = await stack.startJob({
    prompt: "Replace all occurrences of 'oldCall(' with 'newCall('.",
    repositories: NAMES.map((name) => `local/${name}`),
    sample: 1,
  });
  await endOfJob(stack.api, jobId);
}, 240_000);
afterAll(async () => {
  await browser?.close();
  deployed?.close();
  await stack?.close();
});

/** Its bounds are for what hangs, not for what is slow. */
async function newContext(): Promise<BrowserContext> {
  const context = await browser.newContext();
  context.setDefaultTimeout(120_000);
  return context;
}

async function signIn(on: Page, name: string): Promise<void> {
  await on.getByLabel('Account').fill(name);
  await on.getByRole('button', { name: 'Sign in' }).click();
}

/** What this origin's stores in the browser have. */
const stored = (on: Page, which: 'localStorage' | 'sessionStorage') =>
  on.evaluate<Record<string, string>>(`({ ...${which} })`);

inBrowser(
  'a sign-in returns to the wanted view, and leaves no token in the address or on the disk',
  async () => {
    await page.goto(`${deployed.url}/j/${jobId}?tab=settings`);
    await signIn(page, 'ada');
    await page.getByText('ada@example.com').waitFor();
    await page.getByText('oldCall(').first().waitFor();
    expect(page.url()).toBe(`${deployed.url}/j/${jobId}?tab=settings`);
    const policy = (await page.request.get(deployed.url)).headers()['content-security-policy'];
    expect(policy).toContain(`connect-src 'self' ${deployed.issuer.url} ${deployed.issuer.otherUrl};`);
    expect(JSON.stringify(await stored(page, 'localStorage'))).not.toContain('ey');
    expect(Object.keys(await stored(page, 'sessionStorage'))).toEqual(['cody-batch-refresh']);
    // The next load asks for everything at once, with one renewal and without the person.
    await page.reload();
    await page.getByText('ada@example.com').waitFor();
    expect(page.url()).toBe(`${deployed.url}/j/${jobId}?tab=settings`);
  },
);

inBrowser('a sample goes on with another prompt, and a token that expires meanwhile is renewed', async () => {
  await page.evaluate('globalThis.isSamePage = true');
  deployed.expireTokens();
  await page.getByRole('button', { name: 'Run the rest otherwise…' }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Prompt').fill("Replace all occurrences of 'oldCall(' with 'otherCall('.");
  await dialog.getByLabel('Cap of the whole job').fill('7');
  await dialog.getByLabel(/Also work on the 1/).check();
  await dialog.getByRole('button', { name: 'Run 3' }).click();
  await dialog.waitFor({ state: 'hidden' });
  const job = await endOfJob(stack.api, jobId);
  expect({ run: job.run, cap: job.maxCostUsd, counts: job.counts }).toMatchObject({
    run: 2,
    cap: 7,
    counts: { total: 3, completed: 3 },
  });
  const patch = await fetch(`${stack.api}/jobs/${jobId}/repositories/local/one/diff`);
  expect(await patch.text()).toContain('+otherCall(1);');
  expect(await page.evaluate('globalThis.isSamePage')).toBe(true);
});

inBrowser(
  'when the sign-in ends in the middle of a revision, its form is open again after the next one',
  async () => {
    await page.goto(`${deployed.url}/j/${jobId}`);
    await page.getByLabel('Select local/two').check();
    await page.getByRole('button', { name: 'Revise 1…' }).click();
    const dialog = page.getByRole('dialog');
    const instruction = "Replace all occurrences of 'otherCall(' with 'lastCall('.";
    await dialog.getByLabel('What to do next').fill(instruction);
    deployed.expireTokens();
    await deployed.issuer.endRenewals();
    await ada.clearCookies();
    await dialog.getByRole('button', { name: 'Revise 1' }).click();
    await signIn(page, 'ada');
    expect(await dialog.getByLabel('What to do next').inputValue()).toBe(instruction);
    expect(page.url()).toBe(`${deployed.url}/j/${jobId}`);
    await dialog.getByRole('button', { name: 'Revise 1' }).click();
    await dialog.waitFor({ state: 'hidden' });
    await endOfJob(stack.api, jobId);
    const answer = await fetch(`${stack.api}/jobs/${jobId}/runs?include=text`);
    expect(((await answer.json()) as { runs: RunRecord[] }).runs.find(({ run }) => run === 3)).toMatchObject({
      action: 'revise',
      instruction,
      selection: ['local/two'],
      requestedBy: 'ada@example.com',
    });
    // What was done is not kept.
    await page.reload();
    await page.getByLabel('Select local/two').waitFor();
    expect(Object.keys(await stored(page, 'sessionStorage'))).toEqual(['cody-batch-refresh']);
  },
);

inBrowser('the estimate of a new job is asked for by who signed in', async () => {
  await page.goto(`${deployed.url}/new`);
  await page.getByLabel('Prompt').fill('Replace it.');
  await page.getByLabel('Names, patterns or searches').fill('local/*');
  const estimate = page.getByRole('region', { name: 'Estimate' });
  await estimate.getByText('Not known.').waitFor();
  expect(await estimate.innerText()).toMatch(/price/);
});

inBrowser('a person of another team sees their repositories, and nothing that they may not do', async () => {
  const context = await newContext();
  const other = await context.newPage();
  faultsOf(other, faults);
  await other.goto(`${deployed.url}/j/${jobId}`);
  await signIn(other, 'vic');
  await other.getByRole('cell').getByText('local/two').waitFor();
  expect(await other.getByText('local/one').count()).toBe(0);
  await other.getByText('1 repository', { exact: true }).waitFor();
  const buttons = await other.getByRole('main').getByRole('button').allInnerTexts();
  expect(buttons.filter((text) => /Run|Retry|Revise|Open|Cancel|Delete/.test(text))).toEqual([]);
  await other.goto(`${deployed.url}/j/${jobId}/r/local/one`);
  await other.getByRole('alert').waitFor();
  await context.close();
});

inBrowser('a sign-in works whose token endpoint has another origin than its issuer', async () => {
  const context = await newContext();
  const tab = await context.newPage();
  faultsOf(tab, faults);
  const asked: string[] = [];
  tab.on('request', (request) => asked.push(request.url()));
  await tab.route('**/.well-known/openid-configuration', async (route) => {
    const response = await route.fetch();
    const found = await response.json();
    const { issuer } = deployed;
    const token_endpoint = found.token_endpoint.replace(issuer.url, issuer.otherUrl);
    await route.fulfill({ response, json: { ...found, token_endpoint } });
  });
  await tab.goto(`${deployed.url}/j`);
  await signIn(tab, 'ada');
  await tab.getByText('ada@example.com').waitFor();
  expect(asked).toContain(`${deployed.issuer.otherUrl}/token`);
  await context.close();
});

inBrowser(
  'without refresh tokens a person signs in again, and finds the half filled form as it was',
  async () => {
    deployed.issuer.giveNoRenewals();
    deployed.expireTokens();
    await deployed.issuer.endRenewals();
    await page.goto(`${deployed.url}/new?from=${jobId}`);
    await page.getByText('3 repositories', { exact: true }).waitFor();
    expect(Object.keys(await stored(page, 'sessionStorage'))).toEqual([]);
    await page.getByLabel('Prompt').fill('Half of a sent');
    deployed.expireTokens();
    await ada.clearCookies();
    await page.getByLabel('Names, patterns or searches').fill('local/two');
    await signIn(page, 'ada');
    await page.getByText('1 repository', { exact: true }).waitFor();
    expect(await page.getByLabel('Prompt').inputValue()).toBe('Half of a sent');
  },
);

/** What can be wrong with the way back from the issuer, each in a tab that waits for it. */
const WRONG: Readonly<Record<string, (on: Page, request: URL) => Promise<unknown>>> = {
  'another state': (on, { searchParams }) =>
    on.goto(`${deployed.url}/?code=stolen&state=x&iss=${searchParams.get('iss')}`),
  'another issuer': (on, { searchParams }) =>
    on.goto(`${deployed.url}/?code=stolen&state=${searchParams.get('state')}&iss=https://example.com`),
  'a refusal': (on, { searchParams }) =>
    on.goto(
      `${deployed.url}/?error=access_denied&state=${searchParams.get('state')}&iss=${deployed.issuer.url}`,
    ),
  'another nonce': async (on, request) => {
    request.searchParams.set('nonce', 'another');
    await on.goto(request.href);
    await signIn(on, 'ada');
  },
};

inBrowser('an answer that is not to this request of the browser is refused, and says so', async () => {
  const context = await newContext();
  for (const [what, come] of Object.entries(WRONG)) {
    const tab = await context.newPage();
    faultsOf(tab, faults);
    const asked = tab.waitForRequest((request) => request.url().includes('/auth?'));
    await tab.goto(`${deployed.url}/j`);
    await tab.getByLabel('Account').waitFor();
    await come(tab, new URL((await asked).url()));
    await tab.getByRole('heading', { name: 'You could not be signed in' }).waitFor();
    expect([what, tab.url(), Object.keys(await stored(tab, 'sessionStorage'))]).toEqual([
      what,
      `${deployed.url}/j`,
      [],
    ]);
    await tab.close();
  }
  const tab = await context.newPage();
  await tab.route('**/.well-known/openid-configuration', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, json: { ...(await response.json()), issuer: 'https://example.com' } });
  });
  await tab.goto(`${deployed.url}/j`);
  await tab.getByRole('heading', { name: 'You could not be signed in' }).waitFor();
  await context.close();
});

inBrowser('a sign-out ends the sign-in at the issuer too, and forgets what was not finished', async () => {
  await page.goto(`${deployed.url}/new`);
  await page.getByLabel('Prompt').fill('A secret plan.');
  await page.getByRole('button', { name: 'Sign out' }).click();
  await page.getByRole('button', { name: /sign me out/i }).click();
  await page.getByRole('heading', { name: 'You are signed out' }).waitFor();
  expect(Object.keys(await stored(page, 'sessionStorage'))).toEqual(['cody-batch-signed-out']);
  expect(JSON.stringify(await stored(page, 'localStorage'))).not.toContain('secret');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Account').waitFor();
  expect(faults).toEqual([]);
});
