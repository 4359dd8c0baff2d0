import { z } from 'zod';

/** The actions of administrators that the audit log records. */
export const AuditAction = z.enum([
  'resetJob',
  'overrideStatus',
  'setConcurrency',
  'cleanUpJobs',
  'backUp',
  'rotateCredential',
  'drain',
  'resume',
  'clearPacing',
]);
export type AuditAction = z.infer<typeof AuditAction>;

/** One line of the audit log: who did what, when, and what it changed. It never has a secret. */
export const AuditLine = z.object({
  /** Sorts by time. */
  auditId: z.string(),
  action: AuditAction,
  /** The job, the credential, the rate limiter or the environment that the action changed. */
  subject: z.string(),
  /** The caller. Absent where callers are not verified, on one machine. */
  by: z.string().optional(),
  at: z.string(),
  /** Why, in the words of the caller. */
  reason: z.string().optional(),
  before: z.record(z.string(), z.unknown()).optional(),
  after: z.record(z.string(), z.unknown()).optional(),
  /** `begun`: it was under way when the line was written, and its end was not recorded. */
  outcome: z.enum(['begun', 'done', 'refused', 'failed']),
  /** Why it was refused or has failed. */
  error: z.string().optional(),
});
export type AuditLine = z.infer<typeof AuditLine>;
