import { mkdir, readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiClient } from '../../cli/connect/api-client.ts';
import { costOfRequest } from '../../core/models.ts';
import type { Began } from '../../core/repository-result.ts';
import { addTokens, NO_TOKENS, type TokenUsage } from '../../core/usage.ts';
import { estimateTokens, PromptCache } from '../../local/model/prompt-cache.ts';
import { wayToBegin } from '../../worker/begin-revision.ts';
import type { Figure, Log, Row } from '../figure.ts';
import { serveStack } from '../fleet/served-stack.ts';
import { plainEnvironment } from '../measured-process.ts';
import { makeSource, publish, type Source } from '../repositories.ts';
import { withTemporaryFolder } from '../temporary-folder.ts';
import {
  type Exchange,
  INSTRUCTION,
  PROMPT,
  type RevisingModel,
  repositoryOf,
  startRevisingModel,
  type Work,
} from './revising-model.ts';

const PACKAGES = ['ulid', 'minimatch', 'constructs', '@aws-sdk/util-dynamodb'];
const REPOSITORIES = 8;
const WAYS: readonly Began[] = ['resumed', 'fromPatch', 'anew'];
const POLL_MS = 300;
/** Files that a conversation reads, and of these the ones that it changes. */
const READ = 8;
const MARKED = 4;
const MAX_FILE_BYTES = 16 * 1024;
/** A person looks at the changes before the revision: the service has forgotten the conversations. */
const COLD_MS = 10 * 60_000;

/**
 * Measures the cost of a revision that begins from the conversation, from the patch, and anew. Each is priced twice by the rules
 * of the prompt cache: while the cache still has the first run (warm), and after it has expired (cold).
 */
export function measureRevise(log: Log): Promise<Figure> {
  return withTemporaryFolder(async (folder) => {
    const dataFolder = path.join(folder, 'data');
    await mkdir(dataFolder);
    const sources: Source[] = [];
    for (const name of PACKAGES) sources.push(await makeSource(name, folder));
    const names = Array.from({ length: REPOSITORIES }, (_, i) => `local/revise-${i + 1}`);
    const works = new Map<string, Work>();
    for (const [i, name] of names.entries())
      works.set(name, await workIn(sources[i % sources.length]!.folder));
    const model = await startRevisingModel(works, givesUp);
    const stack = await serveStack(dataFolder, 2, {
      ...plainEnvironment(),
      CLAUDE_API_KEY: 'bench',
      ANTHROPIC_BASE_URL: model.url,
    });
    try {
      await publish(stack.gitHub, new Map(names.map((name, i) => [name, sources[i % sources.length]!])));
      const api = new ApiClient(stack.api);
      const runs = new Map<Began, Revised>();
      for (const way of WAYS) {
        log(`revise: ${way}`);
        runs.set(way, await revised(api, names, way, model));
      }
      return figureOf(runs);
    } finally {
      await stack.close();
      await model.close();
    }
  });
}

/** Every second repository gives up in the first run, after its edits. */
function givesUp(repositoryName: string): boolean {
  return Number(repositoryName.split('-').at(-1)) % 2 === 0;
}

async function workIn(folder: string): Promise<Work> {
  const names = (await readdir(folder, { recursive: true })).filter((name) =>
    /\.(?:[cm]?js|ts|md)$/.test(name),
  );
  const files: { path: string; line: string }[] = [];
  for (const name of names.sort()) {
    const file = path.join(folder, name);
    if (name.startsWith('.git') || (await stat(file)).size > MAX_FILE_BYTES) continue;
    const lines = (await readFile(file, 'utf8')).split('\n');
    const text = lines.join('\n');
    const line = lines.find((one) => one.trim().length > 20 && text.split(one).length === 2);
    if (line !== undefined && !line.includes('\r')) files.push({ path: name, line });
  }
  return { read: files.slice(0, READ).map((file) => file.path), marked: files.slice(0, MARKED) };
}

type Revised = { first: Exchange[]; revision: Exchange[]; patches: Map<string, Buffer> };

async function revised(
  api: ApiClient,
  repositories: string[],
  begin: Began,
  model: RevisingModel,
): Promise<Revised> {
  const start = model.exchanges.length;
  const { jobId } = await api.createJob({ name: 'bench', prompt: PROMPT, repositories });
  await ended(api, jobId);
  const patches = new Map<string, Buffer>();
  for (const name of repositories) patches.set(name, (await api.getDiff(jobId, name)) ?? Buffer.alloc(0));
  const between = model.exchanges.length;
  await api.reviseJob(jobId, { instruction: INSTRUCTION, begin, repositories });
  await ended(api, jobId);
  const { results } = await api.getResults(jobId);
  for (const { repositoryName } of results) {
    const { revision, outcome } = await api.getResult(jobId, repositoryName);
    if (revision?.began !== begin || outcome !== 'changed')
      throw new Error(`${repositoryName} is ${outcome} and began ${revision?.began}, not ${begin}.`);
  }
  return { first: model.exchanges.slice(start, between), revision: model.exchanges.slice(between), patches };
}

async function ended(api: ApiClient, jobId: string): Promise<void> {
  for (;;) {
    await sleep(POLL_MS);
    const { status } = await api.getJob(jobId);
    if (status !== 'pending' && status !== 'processing') return;
  }
}

type Bill = { usage: TokenUsage; usd: number };

/** The bill of the revision of each repository, if it begins so many milliseconds after the first run. */
function billsOf({ first, revision }: Revised, pauseMs: number): Map<string, Bill> {
  let nowMs = 0;
  const cache = new PromptCache(() => nowMs);
  for (const { request } of first) cache.admit(request).answered();
  nowMs += pauseMs;
  const bills = new Map<string, Bill>();
  for (const { request, answer } of revision) {
    const { usage, answered } = cache.admit(request);
    answered();
    const counted = {
      input: usage.input_tokens,
      cacheCreation: usage.cache_creation_input_tokens ?? 0,
      cacheRead: usage.cache_read_input_tokens ?? 0,
      output: estimateTokens(JSON.stringify(answer.content)),
    };
    const total = counted.input + counted.cacheCreation + counted.cacheRead + counted.output;
    const usd = costOfRequest(request.model, { ...counted, total });
    if (usd === undefined)
      throw new Error(`The price of ${request.model} is not known. Add it to core/models.ts.`);
    const name = repositoryOf(request);
    const before = bills.get(name) ?? { usage: NO_TOKENS, usd: 0 };
    bills.set(name, { usage: addTokens(before.usage, { ...counted, total }), usd: before.usd + usd });
  }
  return bills;
}

const KINDS = { changed: (name: string) => !givesUp(name), gaveUp: givesUp };
const PAUSES = { warm: 0, cold: COLD_MS };

function figureOf(runs: ReadonlyMap<Began, Revised>): Figure {
  const rows: Row[] = [];
  for (const [pause, pauseMs] of Object.entries(PAUSES)) {
    for (const [kind, isOfKind] of Object.entries(KINDS)) {
      const costs = new Map(
        [...runs].map(([way, run]) => [way, meanOf(billsOf(run, pauseMs), isOfKind)] as const),
      );
      const cheapest = [...costs].sort(([, a], [, b]) => a.usd - b.usd)[0]![0];
      const chosen = chosenWays(runs.get('resumed')!, pauseMs, isOfKind);
      for (const [way, { usd, usage }] of costs) {
        const isDefault = chosen.has(way);
        rows.push({
          quantity: `${pause}, ${kind}: ${way}${isDefault ? ' (default)' : ''}`,
          value: `$${usd.toFixed(5)}`,
          spread: `${usage.input} / ${usage.cacheCreation} / ${usage.cacheRead} / ${usage.output}`,
          floor: `$${costs.get('anew')!.usd.toFixed(5)}`,
          ratio: (usd / costs.get('anew')!.usd).toFixed(2),
          ...(isDefault && { goal: 'the cheapest', met: way === cheapest }),
        });
      }
    }
  }
  return {
    title: `Ways to revise, ${REPOSITORIES} repositories`,
    method: [
      `A job reads ${READ} files of each repository and marks a line in ${MARKED} of them; every second repository gives up after that. Then each is revised by an instruction, once in every way: the whole conversation with the instruction (resumed), a new conversation with task, instruction and patch (fromPatch), or anew. The product runs whole; the model is a script on loopback. Resumed it corrects the files at once, from the patch it reads the changed files again, and anew it looks at all of them again: how often a real model looks again is not measured here.`,
      'The bill of a repository is that of the recorded requests by the rules of the prompt cache, at four bytes per token: warm if the revision follows at once, cold if it comes 10 minutes later. The column "seen" has tokens: plain input / cache writes / cache reads / output. The floor is anew.',
    ],
    rows,
  };
}

function meanOf(bills: ReadonlyMap<string, Bill>, isOfKind: (name: string) => boolean): Bill {
  const of = [...bills].flatMap(([name, bill]) => (isOfKind(name) ? [bill] : []));
  const mean = (pick: (bill: Bill) => number) => of.reduce((sum, bill) => sum + pick(bill), 0) / of.length;
  const tokens = (name: keyof TokenUsage) => Math.round(mean(({ usage }) => usage[name]));
  return {
    usd: mean(({ usd }) => usd),
    usage: {
      ...{ input: tokens('input'), output: tokens('output'), total: tokens('total') },
      ...{ cacheCreation: tokens('cacheCreation'), cacheRead: tokens('cacheRead') },
    },
  };
}

/** The ways that the worker takes by itself in these repositories. */
function chosenWays(
  { first, patches }: Revised,
  pauseMs: number,
  isOfKind: (name: string) => boolean,
): Set<Began> {
  const ways = new Set<Began>();
  for (const [name, patch] of patches) {
    if (!isOfKind(name)) continue;
    const last = first.findLast(({ request }) => repositoryOf(request) === name)!;
    const messages = [...last.request.messages, { role: 'assistant' as const, content: last.answer.content }];
    const endedAt = new Date(0).toISOString();
    const earlier = { messages: messages as never, patch, endedAt, baseSha: '', baseline: undefined };
    ways.add(wayToBegin(earlier, undefined, pauseMs) ?? 'anew');
  }
  return ways;
}
