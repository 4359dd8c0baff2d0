import { execFile } from 'node:child_process';
import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { type Measured, measureProcess, plainEnvironment } from '../measured-process.ts';
import { PROMPT } from '../model.ts';

/** The measured version; a later one may behave differently. */
const VERSION = '2.1.330';

/** The usual script around it: a clone, the tool in it, the diff. */
const SCRIPT = 'git clone --quiet --depth 1 "$1" "$2" && cd "$2" && shift 2 && "$@" >&2 && git diff';

/** Installs Claude Code below `folder`. Returns its program, without npm's launcher. */
export async function installClaudeCode(folder: string): Promise<string> {
  const name = `@anthropic-ai/claude-code-${process.platform}-${process.arch}`;
  const args = [
    'install',
    '--prefix',
    folder,
    '--no-audit',
    '--no-fund',
    '--ignore-scripts',
    `${name}@${VERSION}`,
  ];
  await promisify(execFile)('npm', args);
  return path.join(folder, 'node_modules', name, 'claude');
}

export class ClaudeCode {
  readonly #program: string;
  readonly #folder: string;
  readonly #modelUrl: string;
  readonly #options: readonly string[];
  #runs = 0;

  /** `options` are passed to the program, such as `--bare`. */
  constructor(program: string, given: { folder: string; modelUrl: string; options?: readonly string[] }) {
    this.#program = program;
    this.#folder = given.folder;
    this.#modelUrl = given.modelUrl;
    this.#options = given.options ?? [];
  }

  /** Runs on one repository. Throws if it was not changed. */
  async run(cloneUrl: string, model: string): Promise<Measured> {
    const home = path.join(this.#folder, 'home');
    const tree = path.join(this.#folder, `tree-${++this.#runs}`);
    await mkdir(home, { recursive: true });
    const asked = ['-p', PROMPT, '--model', model, '--allowedTools', 'Read,Edit', ...this.#options];
    const measured = await measureProcess(
      ['bash', '-c', SCRIPT, 'bash', cloneUrl, tree, this.#program, ...asked],
      {
        ...plainEnvironment(),
        HOME: home,
        ANTHROPIC_API_KEY: 'bench',
        ANTHROPIC_BASE_URL: this.#modelUrl,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: '1',
      },
    );
    if (!measured.output.includes('diff --git'))
      throw new Error(`Claude Code's run printed no patch, but ${JSON.stringify(measured.output)}.`);
    await rm(tree, { recursive: true });
    return measured;
  }
}
