import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import { bundleWorker } from '../local/worker-bundle.ts';

const DOCKERFILE = fileURLToPath(new URL('../worker/Dockerfile', import.meta.url));

/**
 * Lays out in `folder` what worker/Dockerfile builds from: the bundle and the Dockerfile itself. `docker build FOLDER`
 * makes the image, also without CDK.
 */
export async function prepareWorkerImage(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await bundleWorker(folder);
  copyFileSync(DOCKERFILE, path.join(folder, 'Dockerfile'));
  return folder;
}

/** The image that `prepareWorkerImage` laid out; it is built at deployment, not at synthesis. */
export function workerImage(folder: string): ContainerImage {
  return ContainerImage.fromAsset(folder, { platform: Platform.LINUX_AMD64 });
}
