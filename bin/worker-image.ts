/** `npm run build:worker [-- TAG]`: builds the image of the workers alone, with Docker. */
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepareWorkerImage } from '../lib/worker-image.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const tag = process.argv[2] ?? 'cody-batch-worker';
const folder = await prepareWorkerImage(path.join(ROOT, 'dist/worker-image'));
const { status, error } = spawnSync(
  'docker',
  ['build', '--pull', '--platform', 'linux/amd64', '--tag', tag, folder],
  { stdio: 'inherit' },
);
if (error)
  console.error(`docker could not be run: ${error.message}. Install it, or build ${folder} elsewhere.`);
process.exitCode = status ?? 1;
