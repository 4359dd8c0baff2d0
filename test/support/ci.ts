import { execFile } from 'node:child_process';
import path from 'node:path';
import { Octokit } from '@octokit/rest';
import { git } from './git.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** The script of a repository that its check runs. */
const SCRIPT = 'check.mjs';

/**
 * The continuous integration of a local GitHub: runs a repository's `check.mjs` on a commit and reports it as GitHub Actions
 * does, as a check run with annotations and a log. The script's lines `file:line: message` are its annotations.
 */
export class ContinuousIntegration {
  readonly #gitHub: string;
  readonly #repositories: string;
  readonly #octokit: Octokit;
  readonly #script: string | undefined;
  #jobs = 0;

  /**
   * `script` is run in place of the repository's own, with the repository's name as its argument. The stack's repositories
   * are cloned from its data folder, which takes a fifth of the processes of a clone over HTTP.
   */
  constructor({ gitHub, dataFolder }: { gitHub: string; dataFolder: string }, script?: string) {
    this.#gitHub = gitHub;
    this.#repositories = path.join(dataFolder, 'github/local');
    this.#script = script;
    this.#octokit = new Octokit({ baseUrl: `${gitHub}/api/v3` });
  }

  /** Returns whether the script passed on the newest commit of the branch, which it reports for that commit. */
  async run(repo: string, branch: string): Promise<boolean> {
    const folder = await temporaryFolder();
    try {
      const clone = path.join(folder.path, 'clone');
      const bare = path.join(this.#repositories, `${repo}.git`);
      await git(folder.path, 'clone', '--quiet', '--branch', branch, bare, clone);
      const script =
        this.#script === undefined ? [SCRIPT] : ['--input-type=module', '--eval', this.#script, repo];
      const { output, passed } = await new Promise<{ output: string; passed: boolean }>((resolve) => {
        execFile(process.execPath, script, { cwd: clone }, (error, stdout, stderr) =>
          resolve({ output: stdout + stderr, passed: error === null }),
        );
      });
      await this.#report(repo, await git(clone, 'rev-parse', 'HEAD'), { output, passed });
      return passed;
    } finally {
      await folder.remove();
    }
  }

  async #report(repo: string, head_sha: string, { output, passed }: { output: string; passed: boolean }) {
    this.#jobs += 1;
    const annotations = [...output.matchAll(/^(\S+):(\d+): (.*)$/gm)].map(([, file, line, message]) => ({
      ...{ path: file!, start_line: Number(line), end_line: Number(line), message: message! },
      annotation_level: 'failure' as const,
    }));
    await this.#octokit.rest.checks.create({
      ...{ owner: 'local', repo, head_sha, name: 'check', status: 'completed' },
      ...{ conclusion: passed ? 'success' : 'failure' },
      details_url: `${this.#gitHub}/local/${repo}/actions/runs/1/job/${this.#jobs}`,
      output: { title: passed ? 'Passed' : 'Failed', summary: 'node check.mjs', text: output, annotations },
    });
  }
}
