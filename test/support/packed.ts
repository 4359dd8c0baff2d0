import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { ROOT } from './stack.ts';

export type Packed = {
  tarball: string;
  /** The command of the installed package. */
  command: string;
  prefix: string;
};

/** The packed tarball, installed below a prefix of its own. Made once for all files of a run. */
export function packed(): Packed {
  const folder = path.join(process.env.TEST_RUN_FOLDER!, 'packed');
  if (!existsSync(folder)) {
    const own = `${folder}-${process.pid}`;
    mkdirSync(own);
    // As `npm pack` does, but for `prepare`, by which a checkout builds its page a second time.
    execFileSync('npm', ['run', '--silent', 'prepack'], { cwd: ROOT, stdio: 'pipe' });
    const pack = ['pack', '--silent', '--ignore-scripts', '--pack-destination', own];
    execFileSync('npm', pack, { cwd: ROOT, stdio: 'pipe' });
    const tarball = path.join(own, 'cody-batch-0.1.0.tgz');
    const install = [
      'install',
      '--global',
      '--prefix',
      path.join(own, 'prefix'),
      '--prefer-offline',
      '--no-audit',
    ];
    execFileSync('npm', [...install, tarball], { cwd: own, stdio: 'pipe' });
    try {
      renameSync(own, folder);
    } catch {
      // Another file of the run was first.
      rmSync(own, { recursive: true });
    }
  }
  const prefix = path.join(folder, 'prefix');
  return {
    tarball: path.join(folder, 'cody-batch-0.1.0.tgz'),
    prefix,
    command: path.join(prefix, 'bin/cody-batch'),
  };
}
