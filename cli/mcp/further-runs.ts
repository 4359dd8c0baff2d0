import type { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { z } from 'zod';
import { UsageError } from '../../core/errors.ts';
import type { JobRow } from '../../core/job.ts';
import type { ApiClient } from '../connect/api-client.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { findShape } from '../jobs/shapes.ts';
import { json, STARTS } from './answers.ts';

const FURTHER_RUN = {
  job: z.string().describe('the identifier of a job, or - for the last one'),
  mayCostUpToUsd: z
    .number()
    .nonnegative()
    .describe('what the user agreed that the whole job may cost, over all runs: it becomes the cap'),
  maxTurns: z.int().min(1).optional().describe('the most answers of the model for one repository'),
};

const PICKED = {
  repositories: z.array(z.string()).optional().describe('names, or patterns with *'),
  shape: z.string().optional().describe('a shape from list_shapes'),
  outcome: z.enum(['changed', 'unchanged', 'gaveUp', 'failed']).optional(),
};
type Picked = { repositories?: string[]; shape?: string; outcome?: string };

/** The tools that run a job again with the model, each under a cap that the user agreed to. */
export function registerFurtherRuns(
  server: McpServer,
  api: ApiClient,
  id: (given: string) => Promise<string>,
): void {
  server.registerTool(
    'revise_job',
    {
      description:
        'Gives the model an instruction about some changes of a job, as its next run, which spends money. Ask the user first. Pick the repositories by names, a shape or an outcome.',
      inputSchema: { ...FURTHER_RUN, ...PICKED, instruction: z.string().min(1) },
      annotations: STARTS,
    },
    async ({ job, instruction, ...given }) => {
      const jobId = await id(job);
      const body = { instruction, ...(await pick(api, jobId, given)), ...(await budget(api, jobId, given)) };
      return json(shown(await api.reviseJob(jobId, body)));
    },
  );
  server.registerTool(
    'retry_job',
    {
      description:
        'Runs again what failed or was cancelled, or some of it, which spends money. Ask the user first.',
      inputSchema: { ...FURTHER_RUN, ...PICKED },
      annotations: STARTS,
    },
    async ({ job, ...given }) => {
      const jobId = await id(job);
      const body = { ...(await pick(api, jobId, given)), ...(await budget(api, jobId, given)) };
      return json(shown(await api.retryJob(jobId, body)));
    },
  );
  server.registerTool(
    'continue_job',
    {
      description: 'Runs what a job holds back behind its sample, which spends money. Ask the user first.',
      inputSchema: {
        ...FURTHER_RUN,
        prompt: z.string().min(1).optional().describe('replaces the prompt for the rest'),
        redo: z.literal(true).optional().describe('also works on the sample again'),
      },
      annotations: STARTS,
    },
    async ({ job, prompt, redo, ...given }) => {
      const jobId = await id(job);
      const body = { prompt, redo, ...(await budget(api, jobId, given)) };
      return json(shown(await api.continueJob(jobId, body)));
    },
  );
}

/** The repositories that the tool's arguments pick, by their whole names and shapes. */
async function pick(api: ApiClient, jobId: string, { repositories, shape, outcome }: Picked) {
  if (!repositories && shape === undefined) return { ...(outcome && { outcome }) };
  const rows = await api.getRows(jobId);
  if (!repositories) return { shape: findShape(rows, shape!).shape, ...(outcome && { outcome }) };
  const known = rows.map(({ repositoryName }) => repositoryName);
  return { repositories: findNames(repositories, known) };
}

/** The cap of the job becomes what the user agreed to. The offline model costs nothing, and has no cap to change. */
async function budget(
  api: ApiClient,
  jobId: string,
  { mayCostUpToUsd, maxTurns }: { mayCostUpToUsd: number; maxTurns?: number },
) {
  const settings = maxTurns === undefined ? {} : { settings: { maxTurns } };
  const { settings: present, costUsd = 0 } = await api.getJob(jobId);
  if (present.model === 'offline') return settings;
  if (mayCostUpToUsd > costUsd) return { maxCostUsd: mayCostUpToUsd, ...settings };
  throw new UsageError(
    `The job has cost $${costUsd.toFixed(2)} so far, and mayCostUpToUsd is $${mayCostUpToUsd.toFixed(2)}. It is the cap over all runs: ask the user for a larger one.`,
  );
}

function shown({ jobId, run, status, maxCostUsd }: JobRow) {
  return { jobId, run, status, maxCostUsd };
}
