import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** A job definition of the local Batch: a command of this machine instead of a container image. */
export type LocalJobDefinition = {
  name: string;
  /** Program and arguments, without a shell. An argument `Ref::name` is replaced by the parameter of that name. */
  command: string[];
  /** Defaults of the parameters. */
  parameters?: Record<string, string>;
  /**
   * The whole environment of the child, which inherits only PATH. DescribeJobs shows it, as on AWS. It is read at each
   * attempt, so that the address of this Batch can be added once it is known.
   */
  environment: Record<string, string>;
  /**
   * Like the `secrets` of a container: in the child's environment, but DescribeJobs shows only their names.
   * @default - none
   */
  secrets?: Record<string, string>;
  /**
   * Each attempt gets a new folder below `folder`, with its path in `variable`. Like a container's disk, it is removed when
   * the attempt ends. Processes that still run in it are killed.
   * @default - none
   */
  scratch?: { folder: string; variable: 'HOME' | 'TMPDIR' | 'TEMP_DIR' };
  /** 1 to 10. */
  attempts: number;
  /**
   * Which failed attempts are retried. The first rule that matches decides.
   * @default - all
   */
  evaluateOnExit?: EvaluateOnExit[];
  /** The time-out of one attempt. An attempt that exceeds it is ended and not retried. */
  timeoutSeconds: number;
  /** @default - the current folder of this process */
  cwd?: string;
};

/**
 * Fills in the placeholders as Batch does: https://docs.aws.amazon.com/batch/latest/userguide/example-use-parameters.html
 * Only whole arguments are placeholders. One whose parameter has no value is left unchanged.
 */
export function substituteParameters(
  command: readonly string[],
  parameters: Record<string, string>,
): string[] {
  const values = new Map(Object.entries(parameters).map(([name, value]) => [`Ref::${name}`, value]));
  return command.map((argument) => values.get(argument) ?? argument);
}
