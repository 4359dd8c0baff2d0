/**
 * `npm run screenshots`: pictures of every page, light and dark, and of every state, into docs/page/. They are of a stack of
 * this machine with the offline model.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page, Route } from 'playwright-core';
import { CHROMIUM, openBrowser } from '../support/browser.ts';
import { endOfJob } from '../support/end-of-job.ts';
import { type PageStack, startPageStack } from '../support/page-stack.ts';
import makeRunFolder, { removeRunFolder } from '../support/run-folder.ts';

const FOLDER = fileURLToPath(new URL('../../docs/page', import.meta.url));
const PROMPT =
  "Replace all occurrences of 'oldCall(' with 'newCall(', 'old_call(' with 'new_call(', 'v1' with 'v2' and 'timeout: 30' with 'timeoutMs: 30_000'.";
const DESK = { width: 1120, height: 720 };
/** On a phone these stand for the others. */
const ON_PHONE = ['dashboard', 'new-job', 'job', 'review', 'repository'];
const PHONE = { width: 390, height: 720 };

/** The lines of services. A replacement here and not there makes shapes of their own, some of one kin. */
const LINES: Readonly<Record<string, string>> = {
  billing: 'return calls.oldCall(input);',
  catalog: 'return calls.oldCall(input);',
  checkout: 'return calls.oldCall(input);',
  invoices: 'return calls.old_call(input);',
  orders: 'return calls.old_call(input);',
  search: "return calls.oldCall(input, 'v1');",
};

/** Services in several shapes of one kin, some with a change of another kin, one that is untouched, and one whose change is larger than a job allows. */
function repositories(): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  for (const [name, line] of Object.entries(LINES)) {
    found[name] = {
      'src/index.js': `import * as calls from 'calls';\n\nexport function handle(input) {\n  ${line}\n}\n`,
    };
  }
  for (const name of ['accounts', 'sessions']) {
    found[name] = {
      'lib/calls.py': 'def run(value):\n    result = old_call(value, retries=3)\n    return result\n',
    };
  }
  for (const name of ['gateway', 'mailer']) {
    found[name] = { 'config/client.yaml': 'client:\n  retries: 3\n  timeout: 30\n' };
  }
  found.docs = { 'README.md': '# Docs\n\nNothing of this is code.\n' };
  found.legacy = { 'src/generated.js': `${'oldCall(1);\n'.repeat(400)}` };
  return found;
}

const api = (pathname: string) => pathname.startsWith('/api/') && pathname !== '/api/health';
const problem = (status: number, title: string, detail: string) => (route: Route) =>
  route.fulfill({
    status,
    contentType: 'application/problem+json',
    body: JSON.stringify({ type: 'urn:cody-batch:problem:example', title, status, detail }),
  });

/** What the API does in each state that has a picture. */
const STATES: Readonly<Record<string, (route: Route) => unknown>> = {
  loading: () => {},
  error: problem(
    500,
    'Internal error',
    'The request failed. Its identifier is 3f6c2a9e; the log of the API has it.',
  ),
  offline: (route) => route.abort('connectionrefused'),
  '401': problem(401, 'Unauthorized', 'The token has expired.'),
  '403': problem(403, 'Forbidden', 'This needs the role viewer, and ada@example.com has none.'),
  '404': problem(404, 'Not found', 'There is no job job-01M8GHTYGS0JVDJZ36R8G0YHRS.'),
};

async function shoot(page: Page, name: string): Promise<void> {
  await page.locator('main').waitFor();
  await page.waitForLoadState('networkidle');
  await page.screenshot({ path: path.join(FOLDER, `${name}.png`), animations: 'disabled' });
  console.log(`${name}.png`);
}

async function shootStates(stack: PageStack, page: Page, jobId: string): Promise<void> {
  for (const [state, answer] of Object.entries(STATES)) {
    await page.route(({ pathname }) => api(pathname), answer);
    await page.goto(`${stack.api}/j/${jobId}`);
    if (state === 'loading') await page.getByLabel('Loading the job').waitFor();
    else await page.getByRole('alert').waitFor({ timeout: 30_000 });
    await page.screenshot({ path: path.join(FOLDER, `state-${state}.png`), animations: 'disabled' });
    console.log(`state-${state}.png`);
    await page.unrouteAll({ behavior: 'ignoreErrors' });
  }
}

/** The data stays on screen, with its age, when the API is gone. */
async function shootStale(stack: PageStack, page: Page, jobId: string): Promise<void> {
  await page.goto(`${stack.api}/j/${jobId}`);
  await page.getByText('local/billing').first().waitFor();
  await page.route(
    ({ pathname }) => api(pathname),
    (route) => route.abort('connectionrefused'),
  );
  await page.getByText('cannot be reached').first().waitFor({ timeout: 60_000 });
  await page.screenshot({ path: path.join(FOLDER, 'state-stale.png'), animations: 'disabled' });
  console.log('state-stale.png');
  await page.unrouteAll({ behavior: 'ignoreErrors' });
}

if (!CHROMIUM) throw new Error('There is no Chromium. Install it: apt-get install chromium.');
for (const name of await readdir(FOLDER)) if (name.endsWith('.png')) await rm(path.join(FOLDER, name));
await makeRunFolder();
const stack = await startPageStack(repositories());
const browser = await openBrowser();
try {
  const desk = await browser.newPage({ viewport: DESK, colorScheme: 'light' });
  await desk.goto(`${stack.api}/j`);
  await desk.getByText('There are no jobs yet').waitFor();
  await shoot(desk, 'state-empty');

  const all = Object.keys(repositories()).map((name) => `local/${name}`);
  const settings = { maxPatchKiB: 8 };
  const done = await stack.startJob({
    name: 'Rename oldCall to newCall',
    type: 'code-pattern-update',
    prompt: PROMPT,
    repositories: all,
    settings,
    review: 'required',
  });
  await endOfJob(stack.api, done);
  const sample = await stack.startJob({
    name: 'Move to the new client',
    prompt: PROMPT,
    repositories: all,
    sample: 3,
  });
  await endOfJob(stack.api, sample);
  const published = await stack.startJob({
    name: 'Retry failed calls',
    prompt: PROMPT,
    repositories: all.slice(0, 6),
    createPullRequests: true,
  });
  await endOfJob(stack.api, published);
  const running = await stack.startJob({
    name: 'Check every service',
    prompt: PROMPT,
    repositories: all,
    settings: { verify: ['sleep 600'] },
  });
  await desk.goto(`${stack.api}/j/${running}`);
  await desk.getByText('processing').first().waitFor();

  const places: [string, string][] = [
    ['dashboard', '/'],
    ['jobs', '/j'],
    ['new-job', `/new?from=${done}`],
    ['job', `/j/${done}`],
    ['job-running', `/j/${running}`],
    ['job-sample', `/j/${sample}`],
    ...['shapes', 'failures', 'pulls', 'runs', 'settings'].map((tab): [string, string] => [
      `job-${tab}`,
      `/j/${done}?tab=${tab}`,
    ]),
    ['review', `/j/${done}/review`],
    ['repository', `/j/${done}/r/local/billing`],
    ['conversation', `/j/${done}/r/local/billing?tab=conversation`],
    ['pull-requests', '/pulls'],
  ];
  for (const [colorScheme, viewport, mark] of [
    ['light', DESK, ''],
    ['dark', DESK, '-dark'],
    ['light', PHONE, '-phone'],
  ] as const) {
    const page = await browser.newPage({ viewport, colorScheme });
    for (const [name, address] of places) {
      if (mark === '-phone' && !ON_PHONE.includes(name)) continue;
      await page.goto(stack.api + address);
      await page.locator('main h1').waitFor();
      await shoot(page, name + mark);
    }
    await page.goto(`${stack.gitHub}/local/billing/pull/1`);
    await shoot(page, `local-pull-request${mark}`);
    await page.close();
  }
  await shootStates(stack, desk, done);
  await shootStale(stack, desk, running);
  await stack.post(`/jobs/${running}/cancel`);
} finally {
  await browser.close();
  await stack.close();
  await removeRunFolder();
}
