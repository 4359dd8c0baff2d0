#!/usr/bin/env node
/**
 * The command `cody-batch`. JavaScript, because it has to run where the rest does not: on a Node.js that is too old, and
 * from node_modules, where Node.js runs no TypeScript. A checkout runs its source, an installed package its bundle.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { homedir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const [major, minor] = process.versions.node.split('.').map(Number);
const isTooOld = major < 22 || (major === 22 && minor < 14);
const source = new URL('../cli/main.ts', import.meta.url);
const isCheckout = existsSync(source);
/** The Node.js that `npm ci` brings to a checkout. */
const ownNode = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

if (isCheckout && !process.features.typescript && existsSync(ownNode)) {
  const child = spawn(ownNode, process.argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to the child too; other signals are passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => (signal === 'SIGINT' && process.stdin.isTTY) || child.kill(signal));
  }
  child.on('exit', (status, signal) => process.exit(status ?? (signal ? 1 : 0)));
} else if (isTooOld) {
  console.error(
    `cody-batch: this is Node.js ${process.versions.node}, which is too old. Install Node.js 22.14 or newer (https://nodejs.org) and run the command again.`,
  );
  process.exitCode = 2;
} else {
  // Compilation is most of what a start costs. Only this user may write there: what is in a cache is run.
  enableCompileCache(path.join(process.env.XDG_CACHE_HOME || path.join(homedir(), '.cache'), 'cody-batch'));
  const { main } = await import(isCheckout ? source.href : '../dist/cli/main.js');
  process.exitCode = await main(process.argv.slice(2));
}
