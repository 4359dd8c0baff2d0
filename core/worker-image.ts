import { z } from 'zod';
import { SettingsError } from './errors.ts';

/** The name of an image of the workers. It is part of the name of a job definition. */
export const ImageName = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,29}$/, "expected an image's name: up to 30 of a-z, 0-9 and -, first a letter");

/** The image of worker/Dockerfile, or the one that the deployment names in its place. */
export const DEFAULT_IMAGE = 'default';

/** Job definitions of AWS Batch by the names of their images. The first is that of jobs that name no image. */
export const JobDefinitions = z.record(ImageName, z.string().min(1));
export type JobDefinitions = z.infer<typeof JobDefinitions>;

/** The job definition of a job's image. Throws SettingsError if the environment no longer has the image. */
export function jobDefinitionOf(definitions: JobDefinitions, image?: string): string {
  const name = image ?? Object.keys(definitions)[0];
  if (name !== undefined && Object.hasOwn(definitions, name)) return definitions[name]!;
  const known = Object.keys(definitions).join(', ') || 'none';
  throw new SettingsError(
    `The environment has no worker image ${image ?? DEFAULT_IMAGE}; it has ${known}. Deploy it again, or start a new job with another settings.image.`,
  );
}
