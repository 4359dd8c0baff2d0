/**
 * `node worker/main.ts <jobId> <owner/name> [run] [from]` works on one repository of a job. Exit status 0: an outcome was written, of
 * any kind. 143: the worker had to stop. 75: a service did not answer. 1: a bug, or a failure that another attempt would
 * repeat (core/attempts.ts).
 */
import { WORKER_FAILED, WORKER_STOPPED, WORKER_TROUBLED } from '../core/attempts.ts';
import { describeError } from '../core/errors.ts';
import { executionArnOf } from '../core/execution.ts';
import { settings, settingsWith, traceId } from '../core/settings.ts';
import { analyzeRepository } from './analyze-repository.ts';
import { Log } from './log.ts';
import { readParameters } from './parameters.ts';
import { Redactor } from './sandbox/redact.ts';
import { openSession } from './session.ts';
import { isTransientError } from './transient-error.ts';

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

process.exit(await main());

async function main(): Promise<number> {
  const redactor = new Redactor();
  const log = new Log(redactor);
  try {
    redactor.add(settings().WORKER_TOKEN);
    log.metricsNamespace = settings().METRICS_NAMESPACE;
    const { AWS_BATCH_JOB_ID, STATE_MACHINE_ARN } = settings();
    log.identify({ batchJobId: AWS_BATCH_JOB_ID, xray_trace_id: traceId() });
    const { jobId, repositoryName, run, from, source } = await readParameters(
      process.argv.slice(2),
      settings(),
      log,
    );
    log.identify({ jobId, repositoryName });
    if (STATE_MACHINE_ARN && run)
      log.identify({ executionArn: executionArnOf(STATE_MACHINE_ARN, { jobId, run }) });
    const { jobsTable, repositoriesTable } = settings();
    log.info(`${repositoryName} of ${jobId}`, {
      ...{ run, from, parametersFrom: source },
      tables: [jobsTable, repositoriesTable],
    });
    const session = openSession({ jobId, repositoryName }, settings());
    await analyzeRepository({
      jobId,
      repositoryName,
      run,
      from,
      settings: session ? settingsWith(session) : settings(),
      log,
      redactor,
      stop: stop.signal,
    });
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      log.warn(String(stop.signal.reason.message));
      return WORKER_STOPPED;
    }
    const { name, message } = describeError(error);
    log.error(`${name}: ${message}`, { stack: error instanceof Error ? error.stack : undefined });
    return isTransientError(error) ? WORKER_TROUBLED : WORKER_FAILED;
  }
}
