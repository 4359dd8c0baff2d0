import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Configuration } from '../configuration.ts';
import { BASE_IMAGE } from '../worker-image.ts';
import type { Check } from './checks.ts';

const run = promisify(execFile);
/** A pull of 80 MB over a slow line. */
const PULL_MS = 600_000;

/**
 * What the worker's image starts from, by digest: the one that cdk.json names, else the newest of the tag, which the
 * registry is asked for. By tag alone a deployment would go on with what it once built, and miss every mend of Debian,
 * git and Node.
 */
export async function findBaseImage({
  environment,
  workerImage,
  workerBaseImage,
}: Configuration): Promise<{ check: Check; image?: string }> {
  const name = 'Base image';
  if (workerImage)
    return { check: { name, ok: true, found: `not needed, the worker's image is ${workerImage}` } };
  if (workerBaseImage)
    return {
      check: { name, ok: true, found: `${workerBaseImage}, as cdk.json says` },
      image: workerBaseImage,
    };
  try {
    await run('docker', ['pull', '--quiet', '--platform', 'linux/amd64', BASE_IMAGE], { timeout: PULL_MS });
    const { stdout } = await run('docker', [
      ...['image', 'inspect', '--format', '{{json .RepoDigests}}'],
      BASE_IMAGE,
    ]);
    const digest = /sha256:[0-9a-f]{64}/.exec(stdout)?.[0];
    if (!digest) throw new Error(`docker image inspect gave no digest: ${stdout.trim()}`);
    const image = `${BASE_IMAGE}@${digest}`;
    const found = `${image}, the newest; to stay with it, set workerBaseImage in cdk.json, environments.${environment}`;
    return { check: { name, ok: true, found }, image };
  } catch (error) {
    const { stderr, message } = error as Error & { stderr?: string };
    const why = (stderr || message).trim().split('\n')[0]!.replace(/\.$/, '');
    const found = `the newest digest of ${BASE_IMAGE} could not be had: ${why}. Let Docker reach its registry, or name one: --context workerBaseImage=${BASE_IMAGE}@sha256:DIGEST`;
    return { check: { name, ok: false, found } };
  }
}
