import type { DryRun } from '../../core/choice.ts';
import { UsageError } from '../../core/errors.ts';
import type { Job, JobRequest } from '../../core/job.ts';
import type { Connection } from '../connect/connection.ts';
import { findRepositories, registerAndReport } from '../trees/repositories.ts';

type Plan = { request: JobRequest; mostUsd: number | null };

/** The jobs that an agent has planned. Only one of them can be started, as it was planned. */
export class Plans {
  readonly #connection: Connection;
  readonly #plans = new Map<string, Plan>();

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  async make(
    job: Omit<JobRequest, 'repositories'>,
    repositories: readonly string[],
  ): Promise<DryRun & { planId: string }> {
    const request = { ...job, repositories: await this.#names(repositories) };
    const would = await this.#connection.api.dryRun(request);
    const planId = crypto.randomUUID();
    this.#plans.set(planId, { request, mostUsd: would.mostUsd });
    return { planId, ...would };
  }

  /** Throws UsageError if the plan is unknown, or may cost more than the user agreed to. */
  async start(planId: string, mayCostUpToUsd: number): Promise<Job> {
    const plan = this.#plans.get(planId);
    if (!plan) throw new UsageError('There is no such plan. Call plan_job, and start_job with its planId.');
    const { request, mostUsd } = plan;
    if (mostUsd !== null && mayCostUpToUsd < mostUsd) {
      throw new UsageError(
        `The job may cost up to $${mostUsd.toFixed(2)}, and mayCostUpToUsd is $${mayCostUpToUsd.toFixed(2)}. Ask the user, or plan it with a smaller maxCostUsd.`,
      );
    }
    // The plan is the request's key: started twice, it is the same job.
    return this.#connection.api.createJob(request, planId);
  }

  /** On this machine a folder is a work tree, which is registered with the local GitHub. */
  async #names(repositories: readonly string[]): Promise<string[]> {
    const { stack } = this.#connection;
    if (!stack?.gitHub) return [...repositories];
    const known = repositories.filter((name) => name.startsWith('local/'));
    const others = repositories.filter((name) => !name.startsWith('local/'));
    if (others.length === 0) return known;
    const { trees } = await findRepositories(others);
    return [...known, ...(await registerAndReport(trees, stack.gitHub, stack.secret))];
  }
}
