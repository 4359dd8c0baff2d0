/** The base image of worker/Dockerfile if no digest is given. */
export const BASE_IMAGE = 'node:24-slim';

/** Whether Docker builds the image of this name or folder. */
export function isToolchain(place: string): boolean {
  return place.startsWith('./');
}
