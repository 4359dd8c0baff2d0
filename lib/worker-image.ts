import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Aws } from 'aws-cdk-lib';
import { Repository } from 'aws-cdk-lib/aws-ecr';
import { Platform } from 'aws-cdk-lib/aws-ecr-assets';
import { ContainerImage } from 'aws-cdk-lib/aws-ecs';
import type { Construct } from 'constructs';
import { SettingsError } from '../core/errors.ts';
import { DEFAULT_IMAGE } from '../core/worker-image.ts';
import { bundleWorker } from '../worker/bundle.ts';
import { BASE_IMAGE, isToolchain } from './built-image.ts';
import type { Configuration } from './configuration.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const DOCKERFILE = path.join(ROOT, 'worker/Dockerfile');

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

/** The name of the worker's image in the Dockerfile of a toolchain. */
const STAGE = 'worker';

/**
 * Writes the build context of a toolchain: that of the worker, the toolchain's own files, and a Dockerfile of both, the
 * worker's first. Throws SettingsError if the toolchain's Dockerfile does not begin with `FROM worker`.
 */
export function prepareToolchain(name: string, toolchain: string, workerFolder: string): string {
  const file = path.join(toolchain, 'Dockerfile');
  const own = existsSync(file) ? readFileSync(file, 'utf8') : '';
  const first = own.split('\n').find((line) => line.trim() !== '' && !line.startsWith('#'));
  if (first?.trim() !== `FROM ${STAGE}`)
    throw new SettingsError(
      `The worker image ${name} is ${toolchain}, whose Dockerfile ${first ? `begins with ${JSON.stringify(first)}` : 'is missing or empty'}. Begin it with FROM ${STAGE}.`,
    );
  const folder = `${workerFolder}-${name}`;
  cpSync(toolchain, folder, { recursive: true });
  cpSync(path.join(workerFolder, 'app'), path.join(folder, 'app'), { recursive: true });
  const worker = readFileSync(path.join(workerFolder, 'Dockerfile'), 'utf8');
  const [, user] = /^(USER .+)$/m.exec(worker)!;
  const staged = worker.replace(/^(FROM .+)$/m, `$1 AS ${STAGE}`);
  // The last USER counts: a toolchain installs as root, and the worker must not run as root.
  writeFileSync(path.join(folder, 'Dockerfile'), `${staged}\n${own.trimEnd()}\n${user}\n`);
  return folder;
}

/**
 * An image that was built from the one of worker/Dockerfile. Fargate gets permission to pull from a private registry of ECR;
 * any other registry has to be public.
 */
function namedImage(scope: Construct, id: string, uri: string): ContainerImage {
  const ecr = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com\/([^:@]+)(?:[:@](.+))?$/.exec(uri);
  if (!ecr) return ContainerImage.fromRegistry(uri);
  const [, account, region, repositoryName, tagOrDigest] = ecr;
  const repository = Repository.fromRepositoryAttributes(scope, id, {
    repositoryName: repositoryName!,
    repositoryArn: `arn:${Aws.PARTITION}:ecr:${region}:${account}:repository/${repositoryName}`,
  });
  return ContainerImage.fromEcrRepository(repository, tagOrDigest);
}

/**
 * The image of the folder that `prepareWorkerImage` wrote; it is built at deployment, not at synthesis. A new `baseImage`
 * makes a new image.
 */
function builtImage(folder: string, baseImage = BASE_IMAGE): ContainerImage {
  return ContainerImage.fromAsset(folder, {
    platform: Platform.LINUX_AMD64,
    buildArgs: { BASE_IMAGE: baseImage },
  });
}

/** The images of an environment by name, the default first. `folder` is what `prepareWorkerImage` wrote. */
export function workerImages(
  scope: Construct,
  { workerImage, workerImages, workerBaseImage, defaultWorkerImage }: Configuration,
  folder: string,
): Record<string, ContainerImage> {
  const ofToolchain = (name: string, place: string): ContainerImage =>
    isToolchain(place)
      ? builtImage(prepareToolchain(name, path.resolve(ROOT, place), folder), workerBaseImage)
      : namedImage(scope, `WorkerRepository-${name}`, place);
  const images: Record<string, ContainerImage> = {
    [DEFAULT_IMAGE]: workerImage
      ? namedImage(scope, 'WorkerRepository', workerImage)
      : builtImage(folder, workerBaseImage),
    ...Object.fromEntries(
      Object.entries(workerImages).map(([name, place]) => [name, ofToolchain(name, place)]),
    ),
  };
  return { [defaultWorkerImage]: images[defaultWorkerImage]!, ...images };
}
