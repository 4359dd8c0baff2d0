import type { ToolResultBlockParam, ToolUnion, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import type { JobSettings } from '../../core/job.ts';
import { boundText } from '../bounded-output.ts';
import { deleteFileTool } from './delete-file.ts';
import { editFileTool } from './edit-file.ts';
import { listFilesTool } from './list-files.ts';
import { readFileTool } from './read-file.ts';
import { runCheckTool } from './run-check.ts';
import { searchCodeTool } from './search-code.ts';
import { shellTool } from './shell.ts';
import { taskCompleteTool } from './task-complete.ts';
import { type Tool, type ToolContext, ToolError } from './tool.ts';
import { writeFileTool } from './write-file.ts';

/** The tools of a job. They depend on its settings only, so that every repository sends the same bytes. */
export function toolsOf({ verify, shell }: Pick<JobSettings, 'verify' | 'shell'>): Tool[] {
  return [
    listFilesTool,
    searchCodeTool,
    readFileTool,
    editFileTool,
    writeFileTool,
    deleteFileTool,
    ...(verify.length > 0 ? [runCheckTool([...new Set(verify)])] : []),
    ...(shell ? [shellTool] : []),
    taskCompleteTool,
  ];
}

/** As the Messages API takes them. */
export function toolDefinitions(tools: readonly Tool[]): ToolUnion[] {
  return tools.map(({ name, description, schema }) => {
    const { $schema, ...input_schema } = z.toJSONSchema(schema, { io: 'input' });
    return { name, description, input_schema: input_schema as { type: 'object' } };
  });
}

/**
 * Runs the calls of one turn and gives their results in the same order: calls that change nothing side by side, the
 * others one after the other in their places. `redact` is applied to everything that the model will read.
 */
export async function runTools(
  tools: readonly Tool[],
  calls: readonly ToolUseBlock[],
  context: ToolContext,
  redact: (text: string) => string,
): Promise<ToolResultBlockParam[]> {
  const results: Promise<ToolResultBlockParam>[] = [];
  for (const call of calls) {
    const tool = tools.find(({ name }) => name === call.name);
    const alone = tool && tool.effect !== 'reads';
    if (alone) await Promise.all(results);
    const result = runTool(tools, tool, call, context).then((block) => ({
      ...block,
      content: redact(block.content as string),
    }));
    results.push(result);
    if (alone) await result;
  }
  return Promise.all(results);
}

async function runTool(
  tools: readonly Tool[],
  tool: Tool | undefined,
  call: ToolUseBlock,
  context: ToolContext,
): Promise<ToolResultBlockParam> {
  try {
    if (!tool) {
      const names = tools.map(({ name }) => name).join(', ');
      throw new ToolError(`There is no tool ${call.name}; there are ${names}.`);
    }
    const input = tool.schema.safeParse(call.input);
    if (!input.success)
      throw new ToolError(`The input does not fit ${tool.name}.\n${z.prettifyError(input.error)}`);
    if (tool.effect === 'writes') context.tree.touch();
    const text = await tool.run(input.data, context);
    return resultOf(call, tool.boundsItself ? text : boundText(text));
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    return { ...resultOf(call, boundText(error.message)), is_error: true };
  }
}

function resultOf({ id }: ToolUseBlock, content: string): ToolResultBlockParam {
  // The API refuses an empty text.
  return { type: 'tool_result', tool_use_id: id, content: content.trim() === '' ? '(no output)' : content };
}
