import { z } from 'zod';

/** One file of a change set. A rename is a deletion and an addition, as in git's own trees. */
export const ChangedFile = z.discriminatedUnion('status', [
  z.object({ status: z.literal('deleted'), path: z.string() }),
  z.object({
    status: z.enum(['added', 'modified']),
    path: z.string(),
    /** As git writes them: regular file, executable file, symbolic link. */
    mode: z.enum(['100644', '100755', '120000']),
    /** The bytes as git stores them, base64. */
    content: z.base64(),
  }),
]);
export type ChangedFile = z.infer<typeof ChangedFile>;

/** A commit's identifier, and nothing that git could take for an option. */
export const CommitSha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);

/** `change-set.json`: everything that opening the pull request needs, without git and without the clone. */
export const ChangeSet = z.object({
  baseBranch: z.string(),
  /** The commit that `files` is relative to. */
  baseSha: CommitSha,
  title: z.string(),
  body: z.string(),
  summary: z.string(),
  files: z.array(ChangedFile),
});
export type ChangeSet = z.infer<typeof ChangeSet>;
