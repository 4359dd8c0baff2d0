import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** What others wrote and judge this product by, in the versions that it was last judged by. */
const PACKAGES = { moto: 'moto[dynamodb,s3,server]>=5.2,<6', 'cfn-lint': 'cfn-lint>=1.58,<2' } as const;

/** Python programs in a virtual environment of their own, in a temporary folder. */
export type PythonTools = {
  /** The path of one of its programs. */
  program(name: string): string;
  remove(): Promise<void>;
};

/**
 * Installs these tools. Throws an error that says what is missing where there is no Python, or no package index that
 * has them.
 */
export async function installPythonTools(...tools: (keyof typeof PACKAGES)[]): Promise<PythonTools> {
  const folder = await mkdtemp(path.join(await realpath(tmpdir()), 'cody-batch-python-'));
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  const program = (name: string) => path.join(folder, 'bin', name);
  try {
    await step('python3 -m venv', 'Install Python 3.10 or newer with its venv module.', () =>
      run('python3', ['-m', 'venv', folder]),
    );
    const specifiers = tools.map((tool) => PACKAGES[tool]);
    await step(
      `pip install ${specifiers.join(' ')}`,
      'It needs a Python package index: see PIP_INDEX_URL.',
      () =>
        run(program('pip'), ['install', '--quiet', '--disable-pip-version-check', ...specifiers], {
          timeout: 300_000,
        }),
    );
    return { program, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function step(what: string, advice: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const reason = (stderr || message).trim().split('\n').slice(-3).join('\n  ');
    throw new Error(`${what} failed. ${advice}\n  ${reason}`, { cause: error });
  }
}
