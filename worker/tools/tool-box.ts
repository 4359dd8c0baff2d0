import type { ToolResultBlockParam, ToolUnion, ToolUseBlock } from '@anthropic-ai/sdk/resources/messages';
import { z } from 'zod';
import { GitBoundExceededError } from '../../core/git-process.ts';
import { inParallel } from '../../core/in-parallel.ts';
import type { JobSettings } from '../../core/job.ts';
import { boundText } from '../sandbox/bounded-output.ts';
import { deleteFileTool } from './delete-file.ts';
import { editFileTool } from './edit-file.ts';
import { listFilesTool } from './list-files.ts';
import { moveFileTool } from './move-file.ts';
import { readFileTool } from './read-file.ts';
import { runCheckTool } from './run-check.ts';
import { searchCodeTool } from './search-code.ts';
import { shellTool } from './shell.ts';
import { taskCompleteTool } from './task-complete.ts';
import { type Tool, type ToolContext, ToolError } from './tool.ts';
import { writeFileTool } from './write-file.ts';

/** A search starts two git processes, and a turn may have a hundred searches. */
const READS_AT_ONCE = 8;

/** About 100,000 tokens, which fit a model with a small context. */
const MAX_TURN_CHARACTERS = 400_000;

/** The tools of a job. They depend only on its settings, so that all repositories share the prompt cache. */
export function toolsOf({ verify, shell }: Pick<JobSettings, 'verify' | 'shell'>): Tool[] {
  return [
    listFilesTool,
    searchCodeTool,
    readFileTool,
    editFileTool,
    writeFileTool,
    moveFileTool,
    deleteFileTool,
    ...(verify.length > 0 ? [runCheckTool([...new Set(verify)])] : []),
    ...(shell ? [shellTool] : []),
    taskCompleteTool,
  ];
}

/** The tools in the form of the Messages API. */
export function toolDefinitions(tools: readonly Tool[]): ToolUnion[] {
  return tools.map(({ name, description, schema }) => {
    const { $schema, ...input_schema } = z.toJSONSchema(schema, {
      io: 'input',
      // zod adds this maximum to every integer; it would be paid for with every request.
      override({ jsonSchema }) {
        if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
      },
    });
    return { name, description, input_schema: input_schema as { type: 'object' } };
  });
}

/**
 * Runs the calls of one turn and returns their results in order. Consecutive calls that only read run in parallel, at most
 * eight at once; the others run one by one. `redact` is applied to every result.
 */
export async function runTools(
  tools: readonly Tool[],
  calls: readonly ToolUseBlock[],
  context: ToolContext,
  redact: (text: string) => string,
): Promise<ToolResultBlockParam[]> {
  const results: ToolResultBlockParam[] = [];
  const runOne = async (i: number) => {
    context.signal.throwIfAborted();
    const block = await runTool(tools, toolOf(calls[i]!), calls[i]!, context);
    results[i] = { ...block, content: redact(block.content as string) };
  };
  const toolOf = ({ name }: ToolUseBlock) => tools.find((tool) => tool.name === name);
  let reads: number[] = [];
  for (const [i, call] of calls.entries()) {
    if ((toolOf(call)?.effect ?? 'reads') === 'reads') {
      reads.push(i);
      continue;
    }
    await inParallel(reads, READS_AT_ONCE, runOne);
    reads = [];
    await runOne(i);
  }
  await inParallel(reads, READS_AT_ONCE, runOne);
  return withinTurn(results);
}

/** Truncates the results of a turn as a whole; each one is truncated already. */
function withinTurn(results: readonly ToolResultBlockParam[]): ToolResultBlockParam[] {
  let room = MAX_TURN_CHARACTERS;
  return results.map((result) => {
    const content = result.content as string;
    const shown = content.slice(0, room);
    room -= shown.length;
    if (shown.length === content.length) return result;
    const left = content.length - shown.length;
    return {
      ...result,
      content: `${shown}[${left} characters left out: the results of one turn may have ${MAX_TURN_CHARACTERS}. Call again, with less at once.]`,
    };
  });
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
    return { ...resultOf(call, boundText(expectedFailure(error))), is_error: true };
  }
}

/** The file system's errors for unusual paths. */
const PATH_ERRORS = ['EACCES', 'EPERM', 'ENAMETOOLONG', 'ELOOP', 'ENOTDIR', 'EISDIR', 'ENOENT'];

/** The message for the model. Throws the error again if it is a bug. */
function expectedFailure(error: unknown): string {
  if (error instanceof ToolError) return error.message;
  if (error instanceof GitBoundExceededError)
    return `${error.message}; narrow the call, or undo what made the tree so (very large .gitignore or .gitattributes files, for example).`;
  const { code = '' } = error as NodeJS.ErrnoException;
  if (!PATH_ERRORS.includes(code)) throw error;
  return `The file system refuses this path (${code}); choose another.`;
}

function resultOf({ id }: ToolUseBlock, content: string): ToolResultBlockParam {
  // The API refuses an empty text.
  return { type: 'tool_result', tool_use_id: id, content: content.trim() === '' ? '(no output)' : content };
}
