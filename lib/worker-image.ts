import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Aws } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { bundleWorker } from '../worker/bundle.ts';

const DOCKERFILE = fileURLToPath(new URL('../worker/Dockerfile', import.meta.url));

/**
 * Writes the build context of worker/Dockerfile into `folder`: the bundle as `app/`, and the Dockerfile. `docker build
 * FOLDER` builds the image without CDK too.
 */
export async function prepareWorkerImage(folder: string): Promise<string> {
  mkdirSync(folder, { recursive: true });
  await bundleWorker(path.join(folder, 'app'));
  copyFileSync(DOCKERFILE, path.join(folder, 'Dockerfile'));
  return folder;
}

/**
 * An image that was built from the one of worker/Dockerfile. Fargate gets permission to pull from a private registry of ECR;
 * any other registry has to be public.
 */
export function namedImage(scope: Construct, uri: string): ContainerImage {
  const ecr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)(?:[:@](.+))?$/.exec(uri);
  if (!ecr) return ContainerImage.fromRegistry(uri);
  const [, account, region, repositoryName, tagOrDigest] = ecr;
  const repository = Repository.fromRepositoryAttributes(scope, 'WorkerRepository', {
    repositoryName: repositoryName!,
    repositoryArn: `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${repositoryName}`,
  });
  return ContainerImage.fromEcrRepository(repository, tagOrDigest);
}

/** The base image of worker/Dockerfile if no digest is given. */
export const BASE_IMAGE = 'node:24-slim';

/**
 * The image of the folder that `prepareWorkerImage` wrote; it is built at deployment, not at synthesis. A new `baseImage`
 * makes a new image.
 */
export function workerImage(folder: string, baseImage = BASE_IMAGE): ContainerImage {
  return ContainerImage.fromAsset(folder, {
    platform: Platform.LINUX_AMD64,
    buildArgs: { BASE_IMAGE: baseImage },
  });
}
