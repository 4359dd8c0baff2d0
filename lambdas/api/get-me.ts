import { z } from 'zod';
import { ROLES, type Role } from '../../core/roles.ts';
import { isModelPriced } from '../../core/settings.ts';
import { route } from './route.ts';

const RoleName = z.enum(Object.keys(ROLES) as [Role, ...Role[]]);

const Me = z.object({
  /** The verified e-mail address, or else the token's subject. Absent if callers are not verified. */
  caller: z.string().optional(),
  /** Empty if the caller has no role; each role includes the ones before it. */
  roles: z.array(RoleName),
  /** The patterns of each of the caller's groups: the repositories that the caller may touch. Absent if all. */
  repositories: z.array(z.array(z.string())).optional(),
  /** What a job of this environment may ask for. */
  limits: z.object({
    allowedRepositories: z.array(z.string()),
    /** Empty means any model with a known price. */
    allowedModels: z.array(z.string()),
    defaultModel: z.string(),
    /** The accepted values of `settings.image`; the first is the default. Empty if the environment has one image only. */
    workerImages: z.array(z.string()),
    /** Whether the cost of the default model is known, so that limits on cost hold. */
    isDefaultModelPriced: z.boolean(),
    maxRepositories: z.int(),
    maxConcurrency: z.int(),
    maxCostUsd: z.number(),
    maxTurns: z.int(),
    maxRepositoryCostUsd: z.number(),
    maxMinutes: z.number(),
    /** The days until a job and its results are removed. */
    resultDays: z.int(),
  }),
  defaults: z.object({
    maxConcurrency: z.int(),
    maxCostUsd: z.number(),
    maxTurns: z.int(),
    maxRepositoryCostUsd: z.number(),
    maxMinutes: z.number(),
  }),
});

/** Who the caller is and what the environment admits, so that a client offers nothing that would be refused. */
export const getMe = route(
  'GET',
  '/me',
  {
    role: 'viewer',
    summary: 'Who the caller is, and what this environment lets a job ask for.',
    isFiltered: true,
    hasETag: true,
    responses: { 200: Me },
  },
  async ({ createdBy: caller, roles, access }, { settings }) => {
    const { CLAUDE_MODEL: defaultModel } = settings;
    const json: z.infer<typeof Me> = {
      caller,
      roles: [...roles],
      ...(!access.isAll && { repositories: access.groups.map((patterns) => [...patterns]) }),
      limits: {
        allowedRepositories: settings.ALLOWED_REPOSITORIES,
        allowedModels: settings.ALLOWED_MODELS,
        defaultModel,
        workerImages: settings.WORKER_IMAGES,
        isDefaultModelPriced: isModelPriced(defaultModel, settings),
        maxRepositories: settings.MAX_REPOSITORIES,
        maxConcurrency: settings.MAX_CONCURRENCY,
        maxCostUsd: settings.MAX_JOB_COST_USD,
        maxTurns: settings.MAX_TURNS,
        maxRepositoryCostUsd: settings.MAX_REPOSITORY_COST_USD,
        maxMinutes: settings.MAX_MINUTES,
        resultDays: settings.RESULT_DAYS,
      },
      defaults: {
        maxConcurrency: settings.DEFAULT_CONCURRENCY,
        maxCostUsd: settings.DEFAULT_JOB_COST_USD,
        maxTurns: settings.DEFAULT_TURNS,
        maxRepositoryCostUsd: settings.DEFAULT_REPOSITORY_COST_USD,
        maxMinutes: settings.DEFAULT_MINUTES,
      },
    };
    return { json };
  },
);
