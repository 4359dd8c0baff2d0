import type { EvaluateOnExit } from '@aws-sdk/client-batch';

/** The one job definition of the local Batch: a command of this machine where AWS has a container image. */
export type LocalJobDefinition = {
  name: string;
  /** Program and arguments; no shell reads them. An argument `Ref::name` stands for the parameter of that name. */
  command: string[];
  /** Defaults of the parameters. */
  parameters?: Record<string, string>;
  /**
   * The whole environment of the child: nothing is inherited but PATH. DescribeJobs shows it, as on AWS. Read at each
   * attempt, so that this Batch's own address can be added once it is known.
   */
  environment: Record<string, string>;
  /**
   * As the `secrets` of a container: in the child's environment like the others, but DescribeJobs shows names only.
   * @default - none
   */
  secrets?: Record<string, string>;
  /**
   * Each attempt gets a folder of its own below `folder`, which `variable` names to it. It is removed when the attempt
   * ends, as a container's disk is, and what the attempt left running in it is ended.
   * @default - none
   */
  scratch?: { folder: string; variable: 'HOME' | 'TMPDIR' | 'TEMP_DIR' };
  /** 1 to 10. */
  attempts: number;
  /**
   * Which failed attempts are followed by another; the first rule that matches decides.
   * @default - all
   */
  evaluateOnExit?: EvaluateOnExit[];
  /** The most seconds of one attempt. An attempt that exceeds it is ended and not retried. */
  timeoutSeconds: number;
  /** @default - the folder that this process runs in */
  cwd?: string;
};

/**
 * Fills in the placeholders as Batch does: https://docs.aws.amazon.com/batch/latest/userguide/example-use-parameters.html
 * A whole argument is a placeholder or is none; one whose parameter has no value stays as it is.
 */
export function substituteParameters(
  command: readonly string[],
  parameters: Record<string, string>,
): string[] {
  const values = new Map(Object.entries(parameters).map(([name, value]) => [`Ref::${name}`, value]));
  return command.map((argument) => values.get(argument) ?? argument);
}
