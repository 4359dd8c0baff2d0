import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { BASE_IMAGE, isToolchain } from '../built-image.ts';
import type { Configuration } from '../configuration.ts';
import type { Check } from './checks.ts';

const run = promisify(execFile);
/** Enough to pull 80 MB over a slow connection. */
const PULL_MS = 600_000;

/**
 * The base image of the worker's image by digest: the one that cdk.json names, or else the newest of the tag in the
 * registry. With the tag alone, a deployment would reuse an old build and miss security fixes of Debian, git and Node.js.
 */
export async function findBaseImage({
  environment,
  workerImage,
  workerImages,
  workerBaseImage,
}: Configuration): Promise<{ check: Check; image?: string }> {
  const name = 'Base image';
  if (workerImage && !Object.values(workerImages).some(isToolchain))
    return { check: { name, ok: true, found: `not needed, the worker's image is ${workerImage}` } };
  if (workerBaseImage)
    return {
      check: { name, ok: true, found: `${workerBaseImage}, as cdk.json says` },
      image: workerBaseImage,
    };
  try {
    await run('docker', ['pull', '--quiet', '--platform', 'linux/amd64', BASE_IMAGE], { timeout: PULL_MS });
    const inspect = ['image', 'inspect', '--format', '{{json .RepoDigests}}', BASE_IMAGE];
    const { stdout } = await run('docker', inspect);
    const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
    if (!digest) throw new Error(`docker image inspect gave no digest: ${stdout.trim()}`);
    const image = `${BASE_IMAGE}@${digest}`;
    const found = `${image}, the newest; to pin it, set workerBaseImage in cdk.json, environments.${environment}`;
    return { check: { name, ok: true, found }, image };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const why = (stderr || message).trim().split('\n')[0]!.replace(/\.$/, '');
    const found = `the newest digest of ${BASE_IMAGE} could not be read: ${why}. Give Docker access to its registry, or name a digest: --context workerBaseImage=${BASE_IMAGE}@sha256:DIGEST`;
    return { check: { name, ok: false, found } };
  }
}
