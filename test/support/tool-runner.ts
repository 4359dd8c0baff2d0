import { createHash } from 'node:crypto';
import { lstat, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { JobSettings } from '../../core/job.ts';
import { defaultJobSettings, parseSettings } from '../../core/settings.ts';
import { WorkTree } from '../../worker/checkout/work-tree.ts';
import { Redactor } from '../../worker/sandbox/redact.ts';
import type { Workspace } from '../../worker/sandbox/workspace.ts';
import type { ToolContext } from '../../worker/tools/tool.ts';
import { runTools, toolsOf } from '../../worker/tools/tool-box.ts';
import { type RawFile, type RawTree, text } from './import-trees.ts';
import { RawTrees } from './raw-trees.ts';

export type Result = { said: string; isError: boolean };

/** A call of a tool: its name and its input. */
export type Call = readonly [name: string, input: object];

export type Content = string | Buffer | RawFile;

/** The tools of a job on trees whose bytes are given, each cloned as the worker clones. */
export class ToolRunner {
  readonly trees: RawTrees;

  private constructor(trees: RawTrees) {
    this.trees = trees;
  }

  static async start(): Promise<ToolRunner> {
    return new ToolRunner(await RawTrees.start());
  }

  close(): Promise<void> {
    return this.trees.close();
  }

  /** Paths are UTF-8 here, unlike a RawTree's. */
  async open(
    files: Readonly<Record<string, Content>>,
    options: { settings?: Partial<JobSettings>; protectedGlobs?: string[] } = {},
  ): Promise<OpenTree> {
    const tree: RawTree = new Map(
      Object.entries(files).map(([file, content]) => [
        Buffer.from(file).toString('latin1'),
        typeof content === 'string' || Buffer.isBuffer(content) ? text(content) : content,
      ]),
    );
    return this.openRaw(tree, options);
  }

  async openRaw(
    tree: RawTree,
    { settings, protectedGlobs = [] }: { settings?: Partial<JobSettings>; protectedGlobs?: string[] } = {},
  ): Promise<OpenTree> {
    const branch = createHash('sha1')
      .update(JSON.stringify([...tree]))
      .digest('hex');
    await this.trees.commit({ [branch]: tree });
    const { clone, workspace } = await this.trees.clone(branch);
    const job = { ...defaultJobSettings(parseSettings({})), ...settings };
    return new OpenTree(workspace, {
      workspace,
      git: clone.git,
      tree: new WorkTree(clone, workspace),
      settings: job,
      protectedGlobs,
      redactor: new Redactor(),
      signal: new AbortController().signal,
      submit: async () => 'Submitted.',
    });
  }
}

export class OpenTree {
  readonly workspace: Workspace;
  readonly context: ToolContext;

  constructor(workspace: Workspace, context: ToolContext) {
    this.workspace = workspace;
    this.context = context;
  }

  /** The calls of one turn. */
  async run(...calls: readonly Call[]): Promise<Result[]> {
    const blocks = calls.map(([name, input], i) => ({
      type: 'tool_use' as const,
      id: `toolu_${i}`,
      name,
      input,
    }));
    const tools = toolsOf(this.context.settings);
    const results = await runTools(
      tools,
      blocks as unknown as Parameters<typeof runTools>[1],
      this.context,
      (said) => said,
    );
    return results.map(({ content, is_error }) => ({ said: content as string, isError: is_error === true }));
  }

  async call(name: string, input: object): Promise<Result> {
    return (await this.run([name, input]))[0]!;
  }

  absolute(file: string): string {
    return path.join(this.workspace.tree, file);
  }

  /** Returns undefined if there is no file. */
  bytes(file: string): Promise<Buffer | undefined> {
    return readFile(this.absolute(file)).catch(() => undefined);
  }

  async isExecutable(file: string): Promise<boolean> {
    return ((await lstat(this.absolute(file))).mode & 0o100) !== 0;
  }

  /** The files in the change, by status and path. */
  async changes(): Promise<string[]> {
    const { entries } = await this.context.tree.changes();
    return entries
      .map(({ status, file, mode }) => `${status} ${file}${mode === '100755' ? ' (executable)' : ''}`)
      .sort();
  }
}
