import { z } from 'zod';
import { settings } from '../../core/settings.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { logger } from '../logger.ts';
import { route } from './route.ts';

const DependencyState = z.enum(['ok', 'failing']);
const Health = z.object({
  status: DependencyState,
  product: z.string(),
  version: z.string(),
  dependencies: z.object({ tables: DependencyState, artifacts: DependencyState }),
  /** The model of a job that names none. */
  model: z.string(),
});

/** Whether the API can do its work. */
export const health = route(
  'GET',
  '/health',
  {
    role: 'open',
    summary: 'Whether the API can do its work.',
    responses: { 200: Health, 503: Health },
  },
  async (_input, { jobs, artifacts }) => {
    const checks = {
      tables: () => jobs.list({ limit: 1 }),
      artifacts: () => artifacts.read('jobs/health.json'),
    };
    const dependencies: Record<string, 'ok' | 'failing'> = {};
    for (const [name, check] of Object.entries(checks)) {
      dependencies[name] = await check().then(
        () => 'ok' as const,
        (error: Error) => {
          logger.warn('health check failed', { dependency: name, error });
          return 'failing' as const;
        },
      );
    }
    const ok = Object.values(dependencies).every((state) => state === 'ok');
    return {
      status: ok ? 200 : 503,
      json: {
        status: ok ? 'ok' : 'failing',
        product: packageJson.name,
        version: packageJson.version,
        dependencies,
        model: settings().CLAUDE_MODEL,
      },
    };
  },
);
