/**
 * `node bench/main.ts [worker|cli|fleet|engine|pull-requests|shapes|api|page|review|revise|claude-code]… [--with-claude-code] [--write]`:
 * all figures, or those named; see bench/RESULTS.md. The comparison with Claude Code downloads it, so it
 * runs only on request.
 */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { measureApi } from './api/api.ts';
import { measureAgainstClaudeCode } from './claude-code/claude-code.ts';
import { measureCommandLine } from './cli/cli.ts';
import { endAll } from './ending.ts';
import { measureEngine } from './engine/engine.ts';
import type { Figure, Log } from './figure.ts';
import { measureFleet } from './fleet/fleet.ts';
import { measurePage } from './page/page.ts';
import { measurePullRequests } from './pull-requests/pull-requests.ts';
import { markdown, table } from './report.ts';
import { measureReview } from './review/review.ts';
import { measureRevise } from './revise/revise.ts';
import { measureShapes } from './shapes/shapes.ts';
import { measureWorker } from './worker/worker.ts';

const CLAUDE_CODE = 'claude-code';

const FIGURES: Readonly<Record<string, (log: Log) => Promise<Figure>>> = {
  worker: measureWorker,
  cli: measureCommandLine,
  fleet: measureFleet,
  engine: measureEngine,
  'pull-requests': measurePullRequests,
  shapes: measureShapes,
  api: measureApi,
  review: measureReview,
  revise: measureRevise,
  page: measurePage,
  [CLAUDE_CODE]: measureAgainstClaudeCode,
};

const RESULTS = new URL('RESULTS.md', import.meta.url);

const log: Log = (line) => void process.stderr.write(`${line}\n`);

const { values, positionals } = parseArgs({
  options: { write: { type: 'boolean' }, 'with-claude-code': { type: 'boolean' } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !FIGURES[name]);
if (unknown.length > 0 || (values.write && positionals.length > 0)) {
  log(
    unknown.length > 0
      ? `There is no figure ${unknown.join(', ')}. Name one of ${Object.keys(FIGURES).join(', ')}.`
      : `--write writes all figures. Leave out ${positionals.join(', ')}.`,
  );
  process.exit(2);
}

const compared = values['with-claude-code'] ?? false;
const all = Object.keys(FIGURES).filter((name) => compared || name !== CLAUDE_CODE);
const chosen = positionals.length > 0 ? positionals : all;

let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    stopped = true;
    void endAll().finally(() => process.exit(1));
  });
}

try {
  const figures: Figure[] = [];
  for (const name of chosen) {
    const figure = await FIGURES[name]!(log);
    process.stdout.write(`\n${table(figure)}\n\n`);
    figures.push(figure);
  }
  if (values.write)
    writeFileSync(
      RESULTS,
      markdown(figures, `npm run bench --${compared ? ' --with-claude-code' : ''} --write`),
    );
} catch (error) {
  // An error after a signal is caused by it.
  if (!stopped) throw error;
} finally {
  await endAll();
}
