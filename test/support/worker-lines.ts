import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseSettings } from '../../core/settings.ts';
import { NO_TOKENS } from '../../core/usage.ts';
import { Model } from '../../worker/claude/model.ts';
import { Budget } from '../../worker/conversation/budget.ts';
import { Log } from '../../worker/log.ts';
import { persist } from '../../worker/persist.ts';
import { Redactor } from '../../worker/sandbox/redact.ts';
import type { LoggedLine } from './metric-data.ts';

export const linesOfGroup = (logGroup: string, written: string): LoggedLine[] =>
  written
    .split('\n')
    .filter(Boolean)
    .map((line) => ({ logGroup, line }));

/** What code of a worker writes to its log in the environment `dev`. */
export async function workerLines(run: (log: Log) => unknown): Promise<LoggedLine[]> {
  const { write } = process.stdout;
  let written = '';
  process.stdout.write = ((chunk: string) => {
    written += chunk;
    return true;
  }) as typeof write;
  try {
    const log = new Log(new Redactor());
    log.metricsNamespace = 'CodyBatch/cody-batch-dev';
    await run(log);
  } finally {
    process.stdout.write = write;
  }
  return linesOfGroup('/cody-batch/cody-batch-dev/worker', written);
}

const DOLLAR_A_MILLION = { input: 1, output: 1, cacheWrite: 1, cacheRead: 1 };
const MODEL = 'claude-sonnet-5-5';

/** Answers of Claude that cost this much. */
export function spendingLines(usd: number): Promise<LoggedLine[]> {
  return workerLines((log) => {
    const state = { turns: [], tokenUsage: NO_TOKENS, costUsd: 0 };
    const budget = new Budget({
      ...({ job: { jobId: 'job-1' }, state } as never as ConstructorParameters<typeof Budget>[0]),
      ...{ repositoryName: 'acme/a', model: MODEL, log, prices: { [MODEL]: DOLLAR_A_MILLION } },
    });
    for (let i = 0; i < usd; i += 1)
      budget.spend(MODEL, { ...NO_TOKENS, input: 1_000_000, total: 1_000_000 });
  });
}

/** A request to Claude that gets this status until the worker gives up. */
export async function answeredWith(status: number): Promise<LoggedLine[]> {
  const server = createServer((_request, response) =>
    response.writeHead(status, { 'x-should-retry': 'false' }).end('{}'),
  ).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const settings = parseSettings({
    ANTHROPIC_BASE_URL: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    CLAUDE_API_KEY: 'sk-ant-not-a-real-key',
  });
  try {
    return await workerLines(async (log) => {
      const model = await Model.open({ settings, model: MODEL, system: [], tools: [], log });
      const asked = model.ask([{ role: 'user', content: 'Hello.' }], {
        signal: new AbortController().signal,
        spend: () => {},
      });
      await asked.catch(({ name }) => name);
    });
  } finally {
    server.close();
  }
}

/** An artifact that the store takes at this try. */
export function savedAtTry(tries: number): Promise<LoggedLine[]> {
  let tried = 0;
  const write = async () => {
    tried += 1;
    if (tried < tries)
      throw Object.assign(new Error('Please reduce your request rate.'), { name: 'SlowDown' });
  };
  return workerLines((log) => persist({ write } as never, log, 'jobs/job-1/checkpoint.json', '{}'));
}
