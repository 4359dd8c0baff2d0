import { afterAll, beforeAll, expect, test } from '@jest/globals';
import xterm from '@xterm/headless';
import { codyOnTerminal, type OnTerminal } from '../support/pseudo-terminal.ts';
import { quickWorker } from '../support/quick-worker.ts';
import { type ServedStack, startStackProcess } from '../support/stack.ts';

const REPOSITORIES = 30;
const WIDTHS = [40, 80, 200];
const ROWS = 24;

let stack: ServedStack;
let shown: OnTerminal[];

beforeAll(async () => {
  // Only the rows are looked at, and not what a worker did for them.
  stack = await startStackProcess({ shared: true, workerCommand: quickWorker('sleep 0.3') });
  const created = await fetch(`${stack.api}/jobs`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      prompt: 'Do nothing.',
      repositories: Array.from(
        { length: REPOSITORIES },
        (_, i) => `local/a-service-with-a-rather-long-name-${i + 1}`,
      ),
    }),
  });
  const { jobId } = (await created.json()) as { jobId: string };
  // One job is watched on all terminals.
  shown = await Promise.all(
    WIDTHS.map((columns) =>
      codyOnTerminal(['watch', jobId, '--data', stack.dataFolder], { columns, rows: ROWS }),
    ),
  );
});
afterAll(() => stack?.close());

test.each(WIDTHS)(
  'on %i columns no line of a job of 30 repositories is longer than the terminal',
  async (columns) => {
    const { status, output } = shown[WIDTHS.indexOf(columns)]!;
    expect(status).toBe(0);
    const lines = await linesOn(columns, output);
    expect(lines.filter(({ isWrapped }) => isWrapped).map(({ text }) => text)).toEqual([]);
    // The table, with a line for each repository, and what is above and below it; no rest of the progress but its last state.
    expect(lines.filter(({ text }) => text.includes('completed')).length).toBeLessThan(5);
    expect(lines.length).toBeLessThan(REPOSITORIES + 12);
  },
);

test.each(WIDTHS)('on %i columns the terminal is redrawn at most twice a second', (columns) => {
  const { output, seconds } = shown[WIDTHS.indexOf(columns)]!;
  const frames = output.split('\u001b[?2026h').length - 1;
  expect(frames).toBeGreaterThan(1);
  // One more for the last state, which is not delayed.
  expect(frames).toBeLessThanOrEqual(2 * seconds + 1);
});

/** The lines of a terminal, with those that were scrolled off, as an emulator of one has them. */
async function linesOn(columns: number, output: string): Promise<{ text: string; isWrapped: boolean }[]> {
  const terminal = new xterm.Terminal({
    cols: columns,
    rows: ROWS,
    scrollback: 10_000,
    allowProposedApi: true,
  });
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.length }, (_, i) => active.getLine(i)!).map((line) => ({
    text: line.translateToString(true),
    isWrapped: line.isWrapped,
  }));
  while (lines.at(-1)?.text === '') lines.pop();
  return lines;
}
