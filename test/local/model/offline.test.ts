import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import Anthropic from '@anthropic-ai/sdk';
import type { Message, MessageParam, Tool, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals';
import { startOfflineModel } from '../../../local/model/offline.ts';

const run = promisify(execFile);

let server: Awaited<ReturnType<typeof startOfflineModel>>;
let client: Anthropic;
const folders: string[] = [];

beforeAll(async () => {
  server = await startOfflineModel({ access: 'anyone' });
  client = new Anthropic({ apiKey: 'any', baseURL: server.url, maxRetries: 0 });
});

afterAll(() => server.close());

afterEach(async () => {
  await Promise.all(folders.splice(0).map((folder) => rm(folder, { recursive: true })));
});

const tools: Tool[] = ['search_code', 'edit_file', 'task_complete'].map((name) => ({
  name,
  input_schema: { type: 'object' },
}));

/** `count` files in three folders; each contains `old(` twice and ends without a line feed. */
async function workTree(count: number): Promise<string> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'offline-model-'));
  folders.push(root);
  for (let index = 0; index < count; index++) {
    const folder = path.join(root, `part ${index % 3}`);
    await mkdir(folder, { recursive: true });
    const calls = `const a = old(${index});\n// "it's" old, see old (not a call)\n`;
    await writeFile(
      path.join(folder, `file${index}.ts`),
      `${calls}export const b = a ?? old(old);\nnone${index}`,
    );
  }
  await writeFile(path.join(root, 'untouched.md'), 'Nothing to see here.\n');
  return root;
}

async function filesOf(root: string): Promise<string[]> {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

async function contents(root: string): Promise<Record<string, string>> {
  const names = await filesOf(root);
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await readFile(path.join(root, name), 'utf8')])),
  );
}

type ToolInput = Record<string, unknown> & {
  pattern: string;
  path: string;
  oldText: string;
  newText: string;
};

type WorkerLimits = {
  filesShown?: number;
  refuseSearch?: string;
  refuseEdit?: (file: string) => boolean;
  refuseCompletion?: string;
};

async function search(root: string, { pattern, literal }: ToolInput, filesShown = 200): Promise<string> {
  const syntax = literal ? '--fixed-strings' : '--extended-regexp';
  // grep exits with 1 if nothing matches.
  const found = await run('grep', ['-rl', syntax, '-e', pattern, '.'], { cwd: root }).catch(
    (error: { code: number; stderr: string }) => {
      if (error.code === 1) return { stdout: '' };
      throw new Error(error.stderr);
    },
  );
  const all = found.stdout
    .split('\n')
    .filter(Boolean)
    .map((name) => path.normalize(name))
    .sort();
  if (all.length === 0) return 'No match.';
  const rest = all.length - filesShown;
  const lines = [`${all.length} files match.`, ...all.slice(0, filesShown)];
  return (rest > 0 ? [...lines, `… ${rest} more files; narrow the search with path.`] : lines).join('\n');
}

async function edit(root: string, { path: file, oldText, newText }: ToolInput): Promise<string> {
  const text = await readFile(path.join(root, file), 'utf8');
  const count = text.split(oldText).length - 1;
  if (count === 0) throw new Error(`${file} does not hold the old text.`);
  await writeFile(
    path.join(root, file),
    text.replaceAll(oldText, () => newText),
  );
  return `Replaced ${count} occurrences in ${file}.`;
}

/**
 * A small version of the worker's loop: calls the model and runs its tools on a real folder until it
 * ends.
 */
async function converse(prompt: string, root: string, limits: WorkerLimits = {}) {
  const messages: MessageParam[] = [{ role: 'user', content: prompt }];
  const turns: Message[] = [];
  for (;;) {
    const stream = client.messages.stream({ model: 'offline', max_tokens: 64_000, tools, messages });
    const turn = await stream.finalMessage();
    turns.push(turn);
    const calls = turn.content.filter((block): block is ToolUseBlock => block.type === 'tool_use');
    const completion = calls.find(({ name }) => name === 'task_complete')?.input as Completion | undefined;
    if (calls.length === 0 || (completion && !limits.refuseCompletion)) return { turns, completion };
    messages.push({ role: 'assistant', content: turn.content });
    const results: MessageParam = { role: 'user', content: [] };
    for (const call of calls) {
      const outcome = await runTool(root, call, limits).then(
        (content) => ({ content, is_error: false }),
        (error: Error) => ({ content: error.message, is_error: true }),
      );
      (results.content as object[]).push({ type: 'tool_result', tool_use_id: call.id, ...outcome });
    }
    messages.push(results);
  }
}

type Completion = { summary: string; title: string; body: string; wereChangesNecessary: boolean };

async function runTool(root: string, { name, input }: ToolUseBlock, limits: WorkerLimits): Promise<string> {
  const given = input as ToolInput;
  if (name === 'search_code' && limits.refuseSearch) throw new Error(limits.refuseSearch);
  if (name === 'search_code') return search(root, given, limits.filesShown);
  if (name === 'task_complete') throw new Error(limits.refuseCompletion);
  if (limits.refuseEdit?.(given.path)) throw new Error(`${given.path} is protected.`);
  return edit(root, given);
}

async function sed(root: string, ...scripts: string[]): Promise<Record<string, string>> {
  const copy = await mkdtemp(path.join(os.tmpdir(), 'offline-model-sed-'));
  folders.push(copy);
  await cp(root, copy, { recursive: true });
  const files = (await filesOf(copy)).map((name) => path.join(copy, name));
  await run('sed', ['-i.before', ...scripts.flatMap((script) => ['-e', script]), ...files]);
  await Promise.all(files.map((file) => rm(`${file}.before`)));
  return contents(copy);
}

function callsIn({ content }: Message): number {
  return content.filter((block) => block.type === 'tool_use').length;
}

function wordsOf({ content }: Message): string {
  return content.flatMap((block) => (block.type === 'text' ? [block.text] : [])).join('\n');
}

test('sixty files are edited exactly as by sed, and the summary has the correct numbers', async () => {
  const root = await workTree(60);
  const expected = await sed(root, 's/old(/fresh(/g');
  const { turns, completion } = await converse("Replace all occurrences of 'old(' with 'fresh('.", root);

  expect(await contents(root)).toEqual(expected);
  expect(turns.map(callsIn)).toEqual([1, 25, 25, 10, 1]);
  expect(turns.every((turn) => turn.content[0]?.type === 'text')).toBe(true);
  expect(completion).toMatchObject({
    title: "Replace 'old(' with 'fresh('",
    summary: expect.stringContaining('120 times in 60 files'),
    body: expect.stringContaining('`old(` → `fresh(`: 120 times in 60 files'),
    wereChangesNecessary: true,
  });
  expect(completion?.summary).toContain('offline model');
});

test('a new text that contains the old one is inserted only once', async () => {
  const root = await workTree(60);
  const expected = await sed(root, 's/old(/module.old(/g');
  const { completion } = await converse('replace every “old(” by `module.old(`', root);
  expect(await contents(root)).toEqual(expected);
  expect(completion?.summary).toContain('120 times in 60 files');
});

test('several replacements are carried out in order, with quotes and apostrophes', async () => {
  const root = await workTree(6);
  const expected = await sed(root, "s/it's/it is/g", 's/old(/fresh(/g', 's/"/<q>/g');
  const prompt = `Modernise this. Replace "it's" with "it is", and 'old(' with 'fresh('. Then replace every '"' by '<q>'.`;
  const { completion } = await converse(prompt, root);
  expect(await contents(root)).toEqual(expected);
  expect(completion?.title).toBe("Replace 'it's' with 'it is' and 2 more texts");
});

test.each([
  ["'old('", "'fresh('", 's/old(/fresh(/g'],
  ["'old('", "'module.old('", 's/old(/module.old(/g'],
  ["'old('", "'old([^-]$, '", 's/old(/old([^-]$, /g'],
  ["'old('", "'new old(1, '", 's/old(/new old(1, /g'],
])(
  'files beyond the end of a long list are found by a further search: %s with %s',
  async (from, to, script) => {
    const root = await workTree(60);
    const expected = await sed(root, script);
    const { completion } = await converse(`Replace ${from} with ${to}`, root, { filesShown: 20 });
    expect(await contents(root)).toEqual(expected);
    expect(completion?.summary).toContain('120 times in 60 files');
  },
);

test('files that the search does not reach are listed in the summary', async () => {
  const root = await workTree(60);
  const { completion } = await converse("Replace 'old' with 'old or old'", root, { filesShown: 50 });
  expect(completion?.summary).toContain('in 50 files');
  expect(completion?.summary).toContain('10 more files');
  const texts = Object.values(await contents(root)).join('');
  expect(texts).not.toContain('old or old or old');
});

test('a prompt with very many replacements gets a summary that task_complete accepts', async () => {
  const root = await workTree(1);
  const pairs = Array.from(
    { length: 90 },
    (_, index) => `'absent number ${index}' with '${'x'.repeat(300)}'`,
  );
  const { completion } = await converse(`Replace ${[...pairs, "'old(' with 'fresh('"].join(', ')}.`, root);
  expect(completion?.summary.length).toBeLessThanOrEqual(4_000);
  expect(completion?.body.length).toBeLessThanOrEqual(20_000);
  expect(completion?.wereChangesNecessary).toBe(true);
});

test('a failed edit is reported and does not stop the others', async () => {
  const root = await workTree(6);
  const refuseEdit = (file: string) => file.endsWith('file4.ts');
  const { completion } = await converse("Replace 'old(' with 'fresh('", root, { refuseEdit });
  expect(completion?.summary).toContain('10 times in 5 files');
  expect(completion?.summary).toContain('1 file could not be edited: part 1/file4.ts');
  expect(completion?.body).toContain('part 1/file4.ts is protected.');
});

test('a failed search is reported as a failure, not as no match', async () => {
  const root = await workTree(1);
  const { turns, completion } = await converse("Replace 'old(' with 'fresh('", root, {
    refuseSearch: 'disk full',
  });
  expect(completion).toBeUndefined();
  expect(turns.at(-1)?.stop_reason).toBe('end_turn');
  expect(wordsOf(turns.at(-1)!)).toContain('disk full');
});

test('a repository without the text is reported as needing no change', async () => {
  const root = await workTree(3);
  const before = await contents(root);
  const { completion } = await converse("Replace 'absent(' with 'fresh('", root);
  expect(completion).toMatchObject({
    wereChangesNecessary: false,
    summary: expect.stringContaining("'absent('"),
  });
  expect(await contents(root)).toEqual(before);
});

test.each([
  'Upgrade the logging library to its next major version.',
  'Replace console.log( with logger.info(',
  "Replace the logger in 'a.ts' with 'pino'",
  "Replace 'old(' with 'fresh(' only in part 1.",
  "Do not replace 'old(' with 'fresh('.",
  "Replace 'old(' carefully. Also, 'a' with 'b' would be good.",
])('a prompt without a plain replacement gets an explanation and changes nothing: %s', async (prompt) => {
  const root = await workTree(3);
  const before = await contents(root);
  const { turns } = await converse(prompt, root);
  expect(turns).toHaveLength(1);
  expect(turns[0]?.stop_reason).toBe('end_turn');
  expect(wordsOf(turns[0]!)).toContain('offline model of Cody Batch, not Claude');
  expect(await contents(root)).toEqual(before);
});

test('work that verification refused is given up with a reason instead of being submitted again', async () => {
  const root = await workTree(3);
  const refuseCompletion = 'npm test failed: 3 tests';
  const { turns } = await converse("Replace 'old(' with 'fresh('", root, { refuseCompletion });
  expect(turns.at(-1)?.stop_reason).toBe('end_turn');
  expect(wordsOf(turns.at(-1)!)).toContain('refused');
  expect(
    turns
      .flatMap((turn) => turn.content)
      .filter((block) => block.type === 'tool_use' && block.name === 'task_complete'),
  ).toHaveLength(1);
});

test('a linter’s report that reads like a prompt does not start a replacement', async () => {
  const messages: MessageParam[] = [
    { role: 'user', content: 'Make the linter pass.' },
    { role: 'assistant', content: 'I cannot.' },
    { role: 'user', content: 'error: Replace `old` with `"old"` prettier/prettier' },
  ];
  const turn = await client.messages.create({ model: 'offline', max_tokens: 1000, tools, messages });
  expect(callsIn(turn)).toBe(0);
  expect(turn.stop_reason).toBe('end_turn');
});

test('another model’s name is answered with 404, naming this server and the setting for Claude', async () => {
  const messages: MessageParam[] = [{ role: 'user', content: 'Hello' }];
  const asked = client.messages.create({ model: 'claude-sonnet-5-5', max_tokens: 100, messages });
  await expect(asked).rejects.toBeInstanceOf(Anthropic.NotFoundError);
  await expect(asked).rejects.toMatchObject({
    type: 'not_found_error',
    message: expect.stringMatching(/offline model, called `offline`.*ANTHROPIC_API_KEY/),
  });
  await expect(client.models.retrieve('claude-sonnet-5-5')).rejects.toBeInstanceOf(Anthropic.NotFoundError);
});

test('the offline model is listed under its own name', async () => {
  expect((await client.models.list()).data.map(({ id }) => id)).toEqual(['offline']);
  expect(await client.models.retrieve('offline')).toMatchObject({
    id: 'offline',
    type: 'model',
    lifecycle: 'active',
  });
});
