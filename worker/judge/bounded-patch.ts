/** The most of a patch that a judge reads, in bytes. */
export const MAX_JUDGED_BYTES = 100 * 1024;

export type BoundedPatch = { patch: string; leftOut: string[] };

/**
 * The files of a patch of git that fit into `maxBytes`, in their order, and the names of the others. The first line of each
 * is `diff --git a/… b/…`; no line of a hunk begins like that.
 */
export function boundedPatch(patch: Buffer, maxBytes = MAX_JUDGED_BYTES): BoundedPatch {
  const files = patch
    .toString('utf8')
    .split(/^(?=diff --git )/m)
    .filter(Boolean);
  const kept: string[] = [];
  const leftOut: string[] = [];
  let room = maxBytes;
  for (const file of files) {
    const bytes = Buffer.byteLength(file);
    if (bytes <= room) {
      kept.push(file);
      room -= bytes;
    } else leftOut.push(file.slice('diff --git '.length, file.indexOf('\n')));
  }
  return { patch: kept.join(''), leftOut };
}
