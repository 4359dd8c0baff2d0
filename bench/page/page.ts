import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { buildPage } from '../../bin/build-page.ts';
import { CHROMIUM, openBrowser } from '../../test/support/browser.ts';
import { startServer } from '../api/api.ts';
import { closeOnce } from '../ending.ts';
import { type Figure, type Log, row, type Unit } from '../figure.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import { filterStep, firstLines, scrollStep } from './steps.ts';

const PLAIN_LIST = fileURLToPath(new URL('plain-list.mjs', import.meta.url));

const ROWS = 10_000;
const CHANGED_LINES = 5_000;
const STEPS = 40;
const ROUNDS = 9;
/** The goals: a step in a table of 10,000, and a diff of 10,000 lines against a plain list of them. */
const MAX_STEP_MS = 50;
const MAX_RATIO = 3;

const MILLISECONDS: Unit = { name: 'ms', digits: 0 };
const TITLE = 'The page in Chromium';

/** Measures the built page in a real Chromium, over the API with a job of 10,000 repositories. */
export async function measurePage(log: Log): Promise<Figure> {
  if (!CHROMIUM) {
    const missing = 'The page is not measured: there is no Chromium. Install it: apt-get install chromium.';
    log(missing);
    return { title: TITLE, method: [missing], rows: [] };
  }
  const kib = await buildPage();
  return withTemporaryFolder(async (folder) => {
    const patch = path.join(folder, 'patch');
    await writeFile(patch, longPatch());
    log(`page: a store with a job of ${ROWS} repositories`);
    const { api, jobId } = await startServer(ROWS, path.join(folder, 'store'), patch);
    const browser = await openBrowser();
    const close = closeOnce(() => browser.close());
    try {
      log('page: filters and scrolling');
      const steps = await tableSteps(browser, `${api}/j/${jobId}`);
      log('page: the diff, in turn with a plain list');
      const diff = await diffs(browser, api, `/j/${jobId}/r/acme/r00000`, `/api/jobs/${jobId}`);
      return {
        title: TITLE,
        method: [
          `The built page over the API on loopback, headless, on a job of ${ROWS.toLocaleString('en')} repositories. A step is from the event to the next frame after the rows on screen have changed, so it includes the wait for that frame; ${STEPS} of each. A filter step chooses a state, an outcome or an order, or types a letter.`,
          `The diff has ${(2 * CHANGED_LINES).toLocaleString('en')} changed lines in one file. Its time is from the click on its tab to the frame with its first lines: the request, the chunk of the viewer, parsing and drawing. The floor does the same with a list of the patch's lines, windowed by the same library, without numbers, colours or files. Medians of ${ROUNDS} interleaved rounds, each in a new page.`,
        ],
        rows: [
          {
            quantity: 'first load, compressed',
            value: `${kib.toFixed(1)} KiB`,
            goal: 'at most 150 KiB',
            met: kib <= 150,
          },
          row(`a filter step among ${ROWS.toLocaleString('en')}`, MILLISECONDS, steps.filter, {
            max: MAX_STEP_MS,
          }),
          row(`a scroll step among ${ROWS.toLocaleString('en')}`, MILLISECONDS, steps.scroll, {
            max: MAX_STEP_MS,
          }),
          row('the first lines of a long diff', MILLISECONDS, diff.first, {
            floor: diff.plainFirst,
            maxRatio: MAX_RATIO,
          }),
          row('a scroll step in it', MILLISECONDS, diff.scroll, {
            floor: diff.plainScroll,
            max: MAX_STEP_MS,
          }),
        ],
      };
    } finally {
      await close();
    }
  });
}

async function tableSteps(
  browser: Browser,
  address: string,
): Promise<{ filter: number[]; scroll: number[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
  await page.goto(address);
  await page.getByText(`${ROWS.toLocaleString('en')} repositories`, { exact: true }).waitFor();
  const filter = await filterStep(page, STEPS);
  await page.goto(address);
  await page.getByText(`${ROWS.toLocaleString('en')} repositories`, { exact: true }).waitFor();
  const scroll = await scrollStep(page, 'section[aria-label="Repositories"]', '[aria-rowindex]', STEPS);
  await page.close();
  return { filter, scroll };
}

/** Pages of the product and of the floor in turn. Each has a page of its own; the browser's cache is warm for both. */
async function diffs(browser: Browser, api: string, address: string, job: string) {
  const found = {
    first: [] as number[],
    scroll: [] as number[],
    plainFirst: [] as number[],
    plainScroll: [] as number[],
  };
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const plain = `${api}/plain#${job}/repositories/acme/r00000/diff`;
  await servePlainList(context);
  // The first round fills the browser's cache, and is not counted.
  for (let round = 0; round <= ROUNDS; round++) {
    const product = await context.newPage();
    await product.goto(`${api}${address}?tab=record`);
    await product.locator('pre').first().waitFor();
    const first = await firstLines(product, 'nav[aria-label="Parts of the result"] a');
    const scroll = await scrollOnce(product, 'section[aria-label^="Change of"]', round);
    await product.close();
    const floor = await context.newPage();
    await floor.goto(plain);
    const plainFirst = await firstLines(floor, 'button');
    const plainScroll = await scrollOnce(floor, '#scroller', round);
    await floor.close();
    if (round === 0) continue;
    found.first.push(first);
    found.plainFirst.push(plainFirst);
    found.scroll.push(...scroll);
    found.plainScroll.push(...plainScroll);
  }
  await context.close();
  return found;
}

/** Scrolling is measured in the last round only. */
async function scrollOnce(page: Page, scroller: string, round: number): Promise<number[]> {
  return round === ROUNDS ? scrollStep(page, scroller, '.diff-line', STEPS) : [];
}

async function servePlainList(context: BrowserContext): Promise<void> {
  const bundle = await build({
    entryPoints: [PLAIN_LIST],
    bundle: true,
    write: false,
    format: 'esm',
    minify: true,
    define: { 'process.env.NODE_ENV': '"production"' },
  });
  const script = bundle.outputFiles[0]!.text;
  await context.route('**/plain', (route) =>
    route.fulfill({
      contentType: 'text/html',
      body: '<!doctype html><div id="root"></div><script type="module" src="/plain.js"></script>',
    }),
  );
  await context.route('**/plain.js', (route) =>
    route.fulfill({ contentType: 'text/javascript', body: script }),
  );
}

/** One file, each line of which is replaced, with unchanged ones between: as a real change is. */
function longPatch(): string {
  const head = 'diff --git a/src/long.ts b/src/long.ts\n--- a/src/long.ts\n+++ b/src/long.ts\n';
  const hunks = Array.from({ length: CHANGED_LINES / 10 }, (_, hunk) => {
    const start = hunk * 16 + 1;
    const call = (i: number, name: string) =>
      `  const value${start + i} = ${name}(${i}, 'text', options); // step ${i}`;
    const same = [0, 1, 2].map((i) => `   before(${i});`);
    const old = Array.from({ length: 10 }, (_, i) => `-${call(i, 'oldCall')}`);
    const now = Array.from({ length: 10 }, (_, i) => `+${call(i, 'newCall')}`);
    return [`@@ -${start},16 +${start},16 @@`, ...same, ...old, ...now, ...same].join('\n');
  });
  return `${head}${hunks.join('\n')}\n`;
}
