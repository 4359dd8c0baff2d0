/**
 * `npm run live`: what the tests assume of the Claude API, asked of the real one. Needs a key and spends at most half a
 * dollar; no tier of the tests runs it. Ends with 0 where everything is as assumed, 1 where something differs, 2 without
 * a key.
 */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import Anthropic, { APIError } from '@anthropic-ai/sdk';
import type { MessageCreateParamsNonStreaming, MessageParam } from '@anthropic-ai/sdk/resources/messages';
import type { JobWithResults } from '../cli/connect/api-client.ts';
import { refusalOfModel } from '../core/model-check.ts';
import { costOfRequest, isPriced, minimumCachedTokens } from '../core/models.ts';
import { parseSettings } from '../core/settings.ts';
import { Thread } from '../core/thread.ts';
import { requestRefusal } from '../local/model/request-rules.ts';
import { SYSTEM_PROMPT } from '../worker/claude/prompt.ts';
import { judgeSeeded } from './live-judge.ts';
import { cody } from './support/stack.ts';
import { temporaryFolder } from './support/temporary-folder.ts';
import { repositoryOf } from './support/work-trees.ts';

const MAX_COST_USD = 0.5;
const NAMES = ['first', 'second', 'third'];
const PROMPT =
  'Rename the function oldName to newName everywhere it is declared or called. Before you edit, list every file that has it, so that none is left out. Change nothing else.';

const key = process.env.ANTHROPIC_API_KEY || process.env.CLAUDE_API_KEY || '';
if (key === '') {
  process.stderr.write('npm run live asks the real Claude API: set ANTHROPIC_API_KEY. Nothing was asked.\n');
  process.exit(2);
}
const settings = parseSettings(process.env);
const model = settings.CLAUDE_MODEL;
const client = new Anthropic({ apiKey: key, baseURL: settings.ANTHROPIC_BASE_URL, maxRetries: 2 });

let differs = 0;
let spentUsd = 0;

/** One line of what was seen; `asAssumed` undefined for what is only told. */
function say(what: string, seen: unknown, asAssumed?: boolean): void {
  if (asAssumed === false) differs += 1;
  const mark = asAssumed === undefined ? '      ' : asAssumed ? 'ok    ' : 'DIFFERS';
  process.stdout.write(
    `${mark.padEnd(8)}${what}: ${typeof seen === 'string' ? seen : JSON.stringify(seen)}\n`,
  );
}

async function checkModel(): Promise<void> {
  const info = await client.models.retrieve(model);
  say(`lifecycle of ${model}`, info.lifecycle, info.lifecycle === 'active');
  say('deprecated, retires', [info.deprecated_at, info.retires_at]);
  say('largest answer', info.max_tokens, (info.max_tokens ?? 0) >= settings.CLAUDE_MAX_TOKENS);
  say('its price is known', isPriced(model), isPriced(model));
  say('the key and the model are accepted', (await refusalOfModel(settings, model)) ?? 'yes');
  const absent = await refusalOfModel(settings, 'claude-that-never-was');
  say('a model that is not there', absent ?? 'accepted', absent?.includes('not_found_error') ?? false);
  const secret = async () => `${key.slice(0, -4)}0000`;
  const refused = await refusalOfModel({ ...settings, secret }, model);
  say('a wrong key', refused ?? 'accepted', refused?.includes('authentication_error') ?? false);
}

const ASKED: MessageParam[] = [{ role: 'user', content: 'Say yes.' }];
const TOOL = { name: 'answer', description: 'Answers.', input_schema: { type: 'object' as const } };

/** Requests that the local Messages API refuses; the real one has to as well, or the tests forbid what is allowed. */
const REFUSED: Record<string, object> = {
  'a temperature': { temperature: 0.5 },
  'a budget for thinking': { thinking: { type: 'enabled', budget_tokens: 1024 } },
  'a forced tool': { tools: [TOOL], tool_choice: { type: 'tool', name: 'answer' } },
  'a prefilled answer': { messages: [...ASKED, { role: 'assistant', content: 'Y' }] },
  'a blank text': { messages: [{ role: 'user', content: [{ type: 'text', text: ' ' }] }] },
  'a field that is not there': { no_such_field: 1 },
  'an unanswered call of a tool': {
    tools: [TOOL],
    messages: [
      ...ASKED,
      { role: 'assistant', content: [{ type: 'tool_use', id: 'toolu_1', name: 'answer', input: {} }] },
      ...ASKED,
    ],
  },
};

async function checkErrors(): Promise<void> {
  for (const [what, given] of Object.entries(REFUSED)) {
    const request = { model, max_tokens: 1024, messages: ASKED, ...given } as MessageCreateParamsNonStreaming;
    const here = requestRefusal(request);
    const there = await refusalOf(request);
    say(`${what} is refused`, there ?? 'accepted', (here !== undefined) === (there !== undefined));
  }
}

/** Why the API refuses a request; undefined where it answers, which is paid. */
async function refusalOf(request: MessageCreateParamsNonStreaming): Promise<string | undefined> {
  try {
    const { usage, model: named } = await client.messages.create(request);
    spend(named, usage);
    return undefined;
  } catch (error) {
    if (!(error instanceof APIError) || error.status === undefined) throw error;
    return `${error.status} ${error.type}: ${error.apiMessage || error.message}`;
  }
}

function spend(named: string, usage: Anthropic.Usage): void {
  const cacheCreation = usage.cache_creation_input_tokens ?? 0;
  const cacheRead = usage.cache_read_input_tokens ?? 0;
  const { input_tokens: input, output_tokens: output } = usage;
  spentUsd += costOfRequest(named, { input, output, cacheCreation, cacheRead, total: 0 }) ?? 0;
}

/** How well the model judges, which no scripted test can tell. */
async function checkJudge(): Promise<void> {
  let found = 0;
  let asked = 0;
  for await (const { kind, decision, usage, model: named } of judgeSeeded(client, model)) {
    spend(named, usage);
    const isGood = asked === 0;
    asked += 1;
    if (!isGood && (decision === 'revise' || decision === 'reject')) found += 1;
    if (isGood) say('the judge on the change that the task asks for', decision, decision === 'approve');
    else say(`the judge on ${kind}`, decision);
  }
  say('bad changes that the judge found', `${found} of ${asked - 1}`);
}

/** A job of three repositories, one after another. Returns a conversation that has thoughts, if any has. */
async function checkJob(): Promise<Thread | undefined> {
  const folder = await temporaryFolder();
  try {
    const trees = NAMES.map((name) => path.join(folder.path, name));
    for (const [i, tree] of trees.entries())
      await repositoryOf(tree, {
        'src/lib.js': `export function oldName(x) {\n  return x + ${i};\n}\n`,
        'src/main.js': "import { oldName } from './lib.js';\nconsole.log(oldName(1));\n",
        'README.md': 'Call `oldName`.\n',
      });
    const out = path.join(folder.path, 'out');
    const { stdout, stderr } = await cody(
      [
        ...['run', ...trees.flatMap((tree) => ['--repo', tree]), '--prompt', PROMPT, '--model', model],
        ...['--max-cost', String(MAX_COST_USD - 0.1), '--max-turns', '12', '--concurrency', '1'],
        ...['--data', path.join(folder.path, 'data'), '--out', out, '--json', '--yes'],
      ],
      { ...userEnvironment(), CLAUDE_EFFORT: 'medium' },
    );
    if (!stdout.startsWith('{')) {
      say('the job', stderr, false);
      return undefined;
    }
    const job = JSON.parse(stdout) as JobWithResults;
    spentUsd += job.costUsd ?? 0;
    const outcomes = job.results.map(({ outcome, end, error }) => error?.message ?? `${outcome} (${end})`);
    say('three repositories', outcomes.join('; '), job.counts.completed === NAMES.length);
    say(
      'turns',
      job.results.map(({ turns }) => turns),
    );
    say('tokens', job.tokenUsage);
    const threads = await Promise.all(
      NAMES.map(async (name) =>
        Thread.parse(JSON.parse(await readFile(path.join(out, 'local', name, 'thread.json'), 'utf8'))),
      ),
    );
    return checkThreads(threads);
  } finally {
    await folder.remove();
  }
}

function userEnvironment(): Record<string, string> {
  const given = Object.entries(process.env).filter(([name]) => /^(?:ANTHROPIC|CLAUDE)_/.test(name));
  return Object.fromEntries(given) as Record<string, string>;
}

function checkThreads(threads: readonly Thread[]): Thread | undefined {
  const firsts = threads.map(({ turns }) => turns[0]?.tokenUsage.cacheRead ?? 0);
  say(
    'a second repository reads the prefix that the first wrote',
    firsts,
    firsts.slice(1).every((read) => read > 0),
  );
  const minimum = minimumCachedTokens(model) ?? 0;
  say(
    'the least prefix that is cached',
    minimum,
    firsts.slice(1).every((read) => read === 0 || read >= minimum),
  );
  const turns = threads.flatMap((thread) => thread.turns.slice(1));
  const read = turns.reduce((sum, { tokenUsage }) => sum + tokenUsage.cacheRead, 0);
  const all = turns.reduce((sum, { tokenUsage: t }) => sum + t.input + t.cacheCreation + t.cacheRead, 0);
  say('share of later input that comes from the cache', (read / all).toFixed(2), read / all > 0.5);
  const withThoughts = threads.find(({ messages }) => JSON.stringify(messages).includes('"type":"thinking"'));
  say('thoughts came back in the conversation', withThoughts !== undefined);
  return withThoughts;
}

/** The worker leaves thoughts out once where the API refuses them: that has to be what it is asked, and how it is said. */
async function checkBoundThinking({ messages, model: named }: Thread): Promise<void> {
  const index = messages.findIndex(({ content }) => JSON.stringify(content).includes('"type":"thinking"'));
  const content = messages[index]!.content;
  const ids = Array.isArray(content)
    ? content.flatMap((block) => ('id' in block ? [String(block.id)] : []))
    : [];
  const results = ids.map((id) => ({ type: 'tool_result' as const, tool_use_id: id, content: 'ok' }));
  const request = (system: string, history: unknown[]): MessageCreateParamsNonStreaming => ({
    ...{ model: named, max_tokens: 1024, thinking: { type: 'adaptive' }, system },
    messages: [
      ...(history as MessageParam[]),
      { role: 'user', content: [...results, { type: 'text', text: 'Stop here and say yes.' }] },
    ],
    tools: ids.length > 0 ? toolsIn(content) : [],
  });
  const history = messages.slice(0, index + 1);
  const changed = await refusalOf(request(`${SYSTEM_PROMPT} Be brief.`, history));
  say('a thought under another system prompt', changed ?? 'accepted, or dropped in silence');
  if (changed) say('the refusal speaks of thinking', changed, /thinking|signature/i.test(changed));
  const stripped = history.map(({ role, content: said }) => ({
    role,
    content: Array.isArray(said) ? said.filter(({ type }) => type !== 'thinking') : said,
  }));
  const forgotten = await refusalOf(request(`${SYSTEM_PROMPT} Be brief.`, stripped));
  say('the same without its thoughts', forgotten ?? 'accepted', forgotten === undefined);
}

function toolsIn(content: Thread['messages'][number]['content']): MessageCreateParamsNonStreaming['tools'] {
  const blocks = Array.isArray(content) ? content : [];
  const names = new Set(blocks.flatMap((block) => (block.type === 'tool_use' ? [String(block.name)] : [])));
  return [...names].map((name) => ({ name, description: name, input_schema: { type: 'object' as const } }));
}

try {
  await checkModel();
  await checkErrors();
  const thread = await checkJob();
  if (thread) await checkBoundThinking(thread);
  await checkJudge();
} catch (error) {
  if (!(error instanceof APIError)) throw error;
  say('a call of the API', error.message, false);
}
process.stdout.write(
  `\nSpent $${spentUsd.toFixed(4)}. ${differs === 0 ? 'Everything is as the tests assume.' : `${differs} things differ from what the tests assume.`}\n`,
);
process.exit(differs === 0 ? 0 : 1);
