import { z } from 'zod';
import { thinkingRefusal } from './bound-thinking.ts';
import { blocksOf, type MessageRequest } from './conversation.ts';
import { formatRefusal } from './format-rules.ts';
import { promptBlocks } from './prompt-cache.ts';

/** The largest `max_tokens` of the current models. */
export const MAX_OUTPUT_TOKENS = 128_000;

const MAX_BREAKPOINTS = 4;

/** A field that current models refuse with 400. */
const refused = (reason: string) => z.never({ error: reason }).optional();

const sampling = refused(
  'current models accept no sampling parameter. Remove it; `output_config.effort` sets the depth',
);

const cacheControl = z
  .strictObject({ type: z.literal('ephemeral'), ttl: z.enum(['5m', '1h']).optional() })
  .nullish();

const text = z.looseObject({
  type: z.literal('text'),
  text: z
    .string()
    .refine((value) => value.trim() !== '', 'text content blocks must contain non-whitespace text'),
  cache_control: cacheControl,
});

const uncacheable = refused('thinking blocks cannot carry a cache breakpoint');

const block = z.discriminatedUnion('type', [
  text,
  z.looseObject({
    type: z.literal('thinking'),
    thinking: z.string(),
    signature: z.string(),
    cache_control: uncacheable,
  }),
  z.looseObject({ type: z.literal('redacted_thinking'), data: z.string(), cache_control: uncacheable }),
  z.looseObject({
    type: z.literal('tool_use'),
    id: z.string().regex(/^[\w-]+$/),
    name: z.string().min(1),
    input: z.record(z.string(), z.unknown()),
    cache_control: cacheControl,
  }),
  z.looseObject({
    type: z.literal('tool_result'),
    tool_use_id: z.string(),
    content: z.preprocess((value) => (typeof value === 'string' ? [] : value), z.array(text).optional()),
    is_error: z.boolean().optional(),
    cache_control: cacheControl,
  }),
]);

/** Expands the string shorthand first, so that the path of an issue has the index of the block. */
const content = z.preprocess(
  (value) => (typeof value === 'string' ? [{ type: 'text', text: value }] : value),
  z.array(block).min(1, 'all messages must have non-empty content'),
);

const tool = z.looseObject({
  type: z
    .literal('custom', { error: 'this local server runs no server tools; only `custom` tools' })
    .nullish(),
  name: z.string().regex(/^[\w-]{1,128}$/),
  description: z.string().optional(),
  input_schema: z.looseObject({ type: z.literal('object') }),
  cache_control: cacheControl,
});

const requestShape = z.strictObject({
  model: z.string().min(1),
  max_tokens: z.int().min(1).max(MAX_OUTPUT_TOKENS),
  messages: z
    .array(z.looseObject({ role: z.enum(['user', 'assistant', 'system']), content }))
    .min(1, 'at least one message is required'),
  system: z.preprocess(
    (value) => (typeof value === 'string' ? [{ type: 'text', text: value }] : value),
    z.array(text).optional(),
  ),
  tools: z.array(tool).optional(),
  tool_choice: z
    .looseObject({
      type: z.enum(['auto', 'none'], {
        error:
          'a forced tool choice is not accepted by current models; use `auto` and ask for the tool in the prompt',
      }),
    })
    .optional(),
  thinking: z
    .looseObject({
      budget_tokens: refused(
        'not accepted by current models; use `{"type": "adaptive"}` and `output_config.effort`',
      ),
      type: z.enum(['adaptive', 'between_tools'], {
        error: 'current models accept `adaptive` and `between_tools` only',
      }),
    })
    .optional(),
  output_config: z
    .looseObject({
      effort: z.enum(['low', 'medium', 'high', 'xhigh', 'max']).nullish(),
      format: z.strictObject({ type: z.literal('json_schema'), schema: z.looseObject({}) }).nullish(),
    })
    .optional(),
  cache_control: cacheControl,
  stream: z.boolean().optional(),
  stop_sequences: z.array(z.string()).optional(),
  metadata: z.looseObject({}).optional(),
  service_tier: z.enum(['auto', 'standard_only']).optional(),
  inference_geo: z.string().nullish(),
  temperature: sampling,
  top_p: sampling,
  top_k: sampling,
});

/**
 * The API's message if it would answer 400 to this body, with the field's path
 * (`messages.0.content.1.text: …`). Returns undefined if the body is a valid MessageRequest.
 */
export function requestRefusal(body: unknown): string | undefined {
  const parsed = requestShape.safeParse(body, {
    error: (issue) => (issue.input === undefined ? 'Field required' : undefined),
  });
  if (!parsed.success) return describeIssue(parsed.error.issues[0]!);
  const request = body as MessageRequest;
  return (
    turnRefusal(request) ??
    toolRefusal(request) ??
    breakpointRefusal(request) ??
    thinkingRefusal(request) ??
    formatRefusal(request.output_config?.format?.schema)
  );
}

function describeIssue(issue: z.core.$ZodIssue): string {
  if (issue.code === 'unrecognized_keys') {
    return `${[...issue.path, issue.keys[0]].join('.')}: Extra inputs are not permitted`;
  }
  return `${issue.path.join('.') || 'body'}: ${issue.message}`;
}

function turnRefusal({ messages }: MessageRequest): string | undefined {
  if (messages[0]?.role !== 'user') return 'messages.0.role: the first message must use the `user` role';
  if (messages.at(-1)?.role === 'assistant') {
    return `messages.${messages.length - 1}.role: current models do not support prefilling an assistant message; the conversation must end with a user message`;
  }
  return undefined;
}

/** The next message must have one tool_result for each tool_use, before any other block. */
function toolRefusal({ messages, tools = [] }: MessageRequest): string | undefined {
  const names = tools.map((offered) => ('name' in offered ? offered.name : ''));
  if (new Set(names).size < names.length) return 'tools: tool names must be unique';

  const seen = new Set<string>();
  let pending = new Set<string>();
  for (const [index, { role, content: blocks }] of messages.entries()) {
    const unanswered = pending;
    pending = new Set();
    let othersSeen = false;
    for (const [position, part] of blocksOf<Exclude<typeof blocks, string>[number]>(blocks).entries()) {
      const path = `messages.${index}.content.${position}`;
      if (part.type === 'tool_result') {
        if (role !== 'user') return `${path}: \`tool_result\` blocks can only be in \`user\` messages`;
        if (othersSeen)
          return `${path}: \`tool_result\` blocks must come before any other block of the message`;
        if (!unanswered.delete(part.tool_use_id)) {
          return `${path}.tool_use_id: no \`tool_use\` block of the previous message awaits a result under ${part.tool_use_id}`;
        }
        continue;
      }
      othersSeen = true;
      if (part.type === 'text') continue;
      if (role !== 'assistant')
        return `${path}: \`${part.type}\` blocks can only be in \`assistant\` messages`;
      if (part.type !== 'tool_use') continue;
      if (seen.has(part.id)) return `${path}.id: \`tool_use\` ids must be unique`;
      seen.add(part.id);
      pending.add(part.id);
    }
    if (unanswered.size > 0) {
      return `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${[...unanswered].join(', ')}`;
    }
  }
  return undefined;
}

function breakpointRefusal(request: MessageRequest): string | undefined {
  const marked = promptBlocks(request).filter((part) => part.cacheControl).length;
  return marked > MAX_BREAKPOINTS
    ? `cache_control: a maximum of ${MAX_BREAKPOINTS} blocks with cache_control may be provided. Found ${marked}`
    : undefined;
}
