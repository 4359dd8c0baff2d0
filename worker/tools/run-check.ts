import { z } from 'zod';
import { describeCommand, runCommand } from '../sandbox/command.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';

/** Builds and tests may take long. The repository's time limit applies as well. */
export const CHECK_TIMEOUT_MS = 15 * 60_000;

const FAILED_BEFORE = 'This check failed before any change too, so a submission does not need it to pass.';

/** The model can choose only among the commands that the job's author listed. */
export function runCheckTool(commands: readonly string[]): Tool {
  return defineTool({
    name: 'run_check',
    description:
      'Runs one of the checks that the change must pass, in the repository, and shows its exit code and output. task_complete runs all of them again.',
    schema: z.object({ command: z.enum(commands) }),
    effect: 'writes',
    async run({ command }, { workspace, signal, redactor, baseline }) {
      const result = await runCommand(workspace, command, { timeoutMs: CHECK_TIMEOUT_MS, signal, redactor });
      if (result.exitCode === 0) return describeCommand(result);
      const base = baseline?.find((before) => before.command === command);
      const excuse = base && base.exitCode !== 0 ? `${FAILED_BEFORE}\n` : '';
      throw new ToolError(`${excuse}${describeCommand(result)}`);
    },
  });
}
