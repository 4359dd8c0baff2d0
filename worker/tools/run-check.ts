import { z } from 'zod';
import { describeCommand, runCommand } from '../sandbox/command.ts';
import { defineTool, type Tool, ToolError } from './tool.ts';

/** Builds and tests of a repository may take a while; the repository's own time limit stays above it. */
export const CHECK_TIMEOUT_MS = 15 * 60_000;

const FAILED_BEFORE = 'This check failed before any change too, so a submission does not need it to pass.';

/** The model chooses among the commands that the job's author listed, and cannot make up one. */
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
