import { z } from 'zod';
import { ROLES } from '../accounts/roles.ts';

/** `color` is six hexadecimal digits. */
const labelRecord = z.object({
  id: z.number().int(),
  name: z.string(),
  color: z.string(),
  description: z.string().nullable(),
});

export type LabelRecord = z.infer<typeof labelRecord>;

/** `include` and `exclude` are patterns of refs. */
export const rulesetRecord = z.object({
  id: z.number().int(),
  name: z.string(),
  enforcement: z.enum(['disabled', 'active', 'evaluate']),
  include: z.array(z.string()),
  exclude: z.array(z.string()),
  rules: z.array(
    z.object({
      type: z.enum([
        'creation',
        'update',
        'deletion',
        'non_fast_forward',
        'pull_request',
        'required_linear_history',
      ]),
      parameters: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  createdAt: z.string(),
});

export type RulesetRecord = z.infer<typeof rulesetRecord>;

export const repositoryRecord = z.object({
  id: z.number().int(),
  owner: z.string(),
  name: z.string(),
  /** The base name of its files, if it differs from `name`: a rename moves no file, so it is one write. */
  fileName: z.string().optional(),
  /** Requests under these names are redirected. */
  formerNames: z.array(z.string()).default([]),
  description: z.string().nullable(),
  topics: z.array(z.string()).default([]),
  private: z.boolean(),
  archived: z.boolean().default(false),
  allowAutoMerge: z.boolean().default(false),
  collaborators: z.array(z.object({ login: z.string(), role: z.enum(ROLES) })).default([]),
  /** Slugs of the organization's teams with access. */
  teams: z.array(z.string()).default([]),
  labels: z.array(labelRecord).default([]),
  rulesets: z.array(rulesetRecord).default([]),
  createdAt: z.string(),
  updatedAt: z.string(),
  pushedAt: z.string().nullable(),
});

export type RepositoryRecord = z.infer<typeof repositoryRecord>;
