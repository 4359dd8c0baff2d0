import {
  DescribeExecutionCommand,
  ExecutionAlreadyExists,
  ExecutionDoesNotExist,
  type ExecutionStatus,
  SFNClient,
  StartExecutionCommand,
  StopExecutionCommand,
} from '@aws-sdk/client-sfn';
import { isTransientFault } from '../../core/aws-faults.ts';
import { type ExecutionInput, executionArnOf, executionName, type RunId } from '../../core/execution.ts';
import { required, type Settings } from '../../core/settings.ts';
import { logger } from '../logger.ts';

/** The executions of the state machine, one per run of a job. */
export class Executions {
  readonly #client: SFNClient;
  readonly #stateMachineArn: string;

  constructor(settings: Settings) {
    this.#client = new SFNClient({});
    this.#stateMachineArn = required(settings, 'STATE_MACHINE_ARN');
  }

  /** Starts the run and returns the ARN of its execution. Starting a run twice returns the same execution, even if it has ended. */
  async start({ jobId, run, action }: ExecutionInput): Promise<string> {
    const input: ExecutionInput = { jobId, run, action };
    try {
      const { executionArn } = await this.#client.send(
        new StartExecutionCommand({
          stateMachineArn: this.#stateMachineArn,
          name: executionName(input),
          input: JSON.stringify(input),
        }),
      );
      return executionArn!;
    } catch (error) {
      if (error instanceof ExecutionAlreadyExists) return this.#arnOf(input);
      throw error;
    }
  }

  /**
   * Starts a run that the job's row has already. If the service fails for now, the run stays reserved and Reconcile starts it:
   * an error would say that the request was not carried out. Returns undefined then.
   */
  async startReserved(run: ExecutionInput): Promise<string | undefined> {
    try {
      return await this.start(run);
    } catch (error) {
      if (!isTransientFault(error)) throw error;
      logger.warn('The execution could not be started; Reconcile starts it', {
        ...{ jobId: run.jobId, run: run.run, error: error as Error },
      });
      return undefined;
    }
  }

  /** Returns undefined if the run was never started. */
  async describe(run: RunId) {
    try {
      const { status, error, cause } = await this.#client.send(
        new DescribeExecutionCommand({ executionArn: this.#arnOf(run) }),
      );
      return { status: status as Exclude<ExecutionStatus, 'PENDING_REDRIVE'>, error, cause };
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return undefined;
      throw error;
    }
  }

  /** Stops the run. Returns false if it was never started. */
  async stop(run: RunId, cause: string): Promise<boolean> {
    const executionArn = this.#arnOf(run);
    try {
      await this.#client.send(new StopExecutionCommand({ executionArn, error: 'JobCancelled', cause }));
      return true;
    } catch (error) {
      if (error instanceof ExecutionDoesNotExist) return false;
      throw error;
    }
  }

  #arnOf(run: RunId): string {
    return executionArnOf(this.#stateMachineArn, run);
  }
}
