import { execFile } from 'node:child_process';
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

const REQUIREMENTS = path.join(import.meta.dirname, 'requirements.txt');
const INSTALL_MS = 300_000;

/** The Python programs of `test/support/requirements.txt`. */
export type PythonTools = {
  folder: string;
  /** The path of one of them. */
  program(name: string): string;
  remove(): Promise<void>;
};

/**
 * Installs them into a temporary folder, or takes the virtual environment that PYTHON_TOOLS names. Throws an error that
 * says what is missing where there is no Python, or no package index that has them.
 */
export async function installPythonTools(): Promise<PythonTools> {
  const given = process.env.PYTHON_TOOLS;
  const folder = given || (await mkdtemp(path.join(await realpath(tmpdir()), 'cody-batch-python-')));
  const remove = async () => {
    if (!given) await rm(folder, { recursive: true, force: true, maxRetries: 3 });
  };
  const program = (name: string) => path.join(folder, 'bin', name);
  try {
    if (!given) {
      await step('python3 -m venv', 'Install Python 3.10 or newer with its venv module.', () =>
        run('python3', ['-m', 'venv', folder]),
      );
    }
    // Where it was given, this only looks whether all is there. Compiling all modules costs more than the few that are loaded.
    await step(`pip install -r ${REQUIREMENTS}`, 'It needs a Python package index: see PIP_INDEX_URL.', () =>
      run(
        program('pip'),
        ['install', '--quiet', '--no-compile', '--disable-pip-version-check', '-r', REQUIREMENTS],
        {
          timeout: INSTALL_MS,
        },
      ),
    );
    return { folder, program, remove };
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
