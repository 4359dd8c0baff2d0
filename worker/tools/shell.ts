import { z } from 'zod';
import { describeCommand, runCommand } from '../sandbox/command.ts';
import { defineTool, ToolError } from './tool.ts';

const TIMEOUT_MS = 120_000;

export const shellTool = defineTool({
  name: 'shell',
  description: `Runs a shell command in the repository, for at most ${TIMEOUT_MS / 1000} s. Nothing that it leaves running survives. git knows the base commit only; what is committed does not count.`,
  schema: z.object({ command: z.string().min(1).max(10_000) }),
  effect: 'writes',
  async run({ command }, { workspace, signal, redactor }) {
    const result = await runCommand(workspace, command, { timeoutMs: TIMEOUT_MS, signal, redactor });
    if (result.exitCode !== 0) throw new ToolError(describeCommand(result));
    return describeCommand(result);
  },
});
