import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect } from '@jest/globals';
import type { JobSettings } from '../../../core/job.ts';
import type { OutcomeDocument } from '../../../core/outcome.ts';
import { type ToolExchange, toolExchanges } from '../../../local/model/conversation.ts';
import type { Reply } from '../../../local/model/reply.ts';
import { processes } from '../process-tree.ts';
import type { Script } from '../scripted-model.ts';
import { call, calls, filesBelow, type Stack, submit, type TestFile } from '../worker-stack.ts';
import { type Observation, observe } from './observe.ts';

/** A hostile repository, the conversation about it, and the expected end. */
export type HostileRepository = {
  /** Its hostile content, for the test's name. */
  has: string;
  /** Its files, or a function that creates it on the server. */
  content: Record<string, TestFile> | ((stack: Stack, name: string) => Promise<void>);
  /** @default reads, searches, edits target.txt, and submits */
  script?: Script;
  settings?: Partial<JobSettings>;
  /** @default target.txt changed and nothing else */
  ends?: object;
  /** Further expectations about the outcome and the tools' results. */
  expects?: (met: Met) => void;
};

export type Met = { outcome: OutcomeDocument; exchanges: ToolExchange[]; log: string; observed: Observation };

/** The folder in which a planted program creates a file when it runs. */
export const CANARIES = mkdtempSync(path.join(tmpdir(), 'canaries-'));

/** The file of every hostile repository, in which the model replaces `old`. */
export const TARGET = { 'target.txt': 'old\n' };

export const editTarget = call('edit_file', { path: 'target.txt', oldText: 'old', newText: 'new' });

const ordinary: Reply[] = [
  calls(
    call('list_files', {}),
    call('search_code', { pattern: 'old' }),
    call('read_file', { path: 'target.txt' }),
  ),
  calls(editTarget),
  submit,
];

const changedTarget = {
  outcome: 'changed',
  end: 'submitted',
  changes: [{ file: 'target.txt', status: 'modified', additions: 1, deletions: 1 }],
};

const MAX_MIB = 512;

/**
 * Runs a worker on the repository, and expects what holds for all of them: no planted program ran, no secret
 * leaked, memory stayed bounded, the outcome is the expected one, and no file or process is left.
 */
export async function meet(stack: Stack, repository: HostileRepository): Promise<Met> {
  const name = `hostile/${repository.has.replace(/[^a-zA-Z0-9]+/g, '-').slice(0, 80)}`;
  if (typeof repository.content === 'function') await repository.content(stack, name);
  else await stack.createRepository(name, { ...TARGET, ...repository.content });
  const jobId = await stack.createJob([name], { settings: repository.settings });
  await mkdir(stack.tempDir, { recursive: true });

  const { child, finished, model } = await stack.startWorker([jobId, name], repository.script ?? ordinary);
  const exited = once(child, 'exit');
  const watch = observe(child.pid!, stack.tempDir);
  await exited;
  const observed = watch.stop();
  const { exitCode, log } = await finished;
  const outcome = await stack.outcome(jobId, name);
  expect({ exitCode, faults: model.faults, log: exitCode === 0 ? '' : log }).toEqual({
    exitCode: 0,
    faults: [],
    log: '',
  });

  expect(outcome).toMatchObject(repository.ends ?? changedTarget);
  expect(readdirSync(CANARIES)).toEqual([]);
  expectNoSecret(stack, { jobId, log, observed, requests: model.requests.map(({ body }) => body) });
  expect(observed.workerMiB).toBeGreaterThan(20);
  expect(observed.workerMiB).toBeLessThan(MAX_MIB);
  expect(observed.withGitMiB).toBeLessThan(MAX_MIB);
  expect(await stack.leftovers()).toEqual([]);
  expect(processesIn(stack.tempDir)).toEqual([]);
  const met = { outcome: outcome!, exchanges: exchangesOf(model.requests), log, observed };
  repository.expects?.(met);
  return met;
}

function exchangesOf(requests: readonly { body: Parameters<typeof toolExchanges>[0] }[]): ToolExchange[] {
  const last = requests.at(-1);
  return last ? toolExchanges(last.body) : [];
}

function expectNoSecret(
  stack: Stack,
  { jobId, ...seen }: { jobId: string; log: string; observed: Observation; requests: unknown[] },
): void {
  const { commandLines, environments, gitConfigs } = seen.observed;
  const places: Record<string, string> = {
    log: seen.log,
    requests: JSON.stringify(seen.requests),
    commandLines: [...commandLines].join('\n'),
    environments: [...environments].join('\n'),
    gitConfigs: [...gitConfigs].join('\n'),
    artifacts: filesBelow(path.join(stack.folder, 'artifacts/jobs', jobId)),
  };
  expect(commandLines.size).toBeGreaterThan(1);
  for (const name of ['CLAUDE_API_KEY', 'GITHUB_TOKEN']) {
    const secret = stack.environment[name]!;
    const header = Buffer.from(`x-access-token:${secret}`).toString('base64');
    const found = Object.keys(places).filter((place) =>
      [secret, header, Buffer.from(secret).toString('base64').slice(0, -4)].some((form) =>
        places[place]!.includes(form),
      ),
    );
    expect({ name, found }).toEqual({ name, found: [] });
  }
}

/** Processes with a HOME below the folder that still run. */
function processesIn(folder: string): string[] {
  return processes()
    .filter(({ pid }) => {
      try {
        return readFileSync(`/proc/${pid}/environ`, 'latin1').includes(`HOME=${folder}/`);
      } catch {
        return false;
      }
    })
    .map(({ command }) => command);
}
