/**
 * `node worker/main.ts <jobId> <owner/name>`: one repository of a job. Exit status 0 says that an outcome was written,
 * whatever it says; 143 that the worker was told to stop; anything else is the infrastructure's fault, or a bug.
 */
import { describeError } from '../core/errors.ts';
import { settings } from '../core/settings.ts';
import { analyzeRepository } from './analyze-repository.ts';
import { Log } from './log.ts';
import { readParameters } from './parameters.ts';
import { Redactor } from './redact.ts';

const STOPPED = 128 + 15;

const stop = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => stop.abort(new Error(`stopped by ${signal}`)));

process.exit(await main());

async function main(): Promise<number> {
  const redactor = new Redactor();
  const log = new Log(redactor);
  try {
    const { jobId, repositoryName, source } = await readParameters(process.argv.slice(2), settings());
    log.info(`${repositoryName} of ${jobId}`, { parametersFrom: source });
    await analyzeRepository({
      jobId,
      repositoryName,
      settings: settings(),
      log,
      redactor,
      stop: stop.signal,
    });
    return 0;
  } catch (error) {
    if (stop.signal.aborted) {
      log.warn(String(stop.signal.reason.message));
      return STOPPED;
    }
    const { name, message } = describeError(error);
    log.error(`${name}: ${message}`, { stack: error instanceof Error ? error.stack : undefined });
    return 1;
  }
}
