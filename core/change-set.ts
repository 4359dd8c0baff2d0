import { z } from 'zod';

/** One file of a change set. A rename is a deletion and an addition, as in git's own trees. */
export const ChangedFile = z.discriminatedUnion('status', [
  z.object({ status: z.literal('deleted'), path: z.string() }),
  z.object({
    status: z.enum(['added', 'modified']),
    path: z.string(),
    /** Git's modes of a regular file, an executable file and a symbolic link. */
    mode: z.enum(['100644', '100755', '120000']),
    /** The bytes that git stores, base64. */
    content: z.base64(),
  }),
]);
export type ChangedFile = z.infer<typeof ChangedFile>;

/** The identifier of a commit, which git cannot take for an option. */
export const CommitSha = z.string().regex(/^[0-9a-f]{40}(?:[0-9a-f]{24})?$/);

/** `change-set.json`: all that is needed to open the pull request without the clone. */
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
