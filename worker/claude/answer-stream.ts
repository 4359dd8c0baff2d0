import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import type { ReportedUsage } from '../../core/usage.ts';

/**
 * The events of one answer on their way to the SDK, which trusts them: a `message_start` or a `message_delta` without its
 * parts would be a TypeError there, and the answer that was paid for would be lost with it. What is missing is filled in,
 * and what the provider says of usage is kept as it said it, for whoever counts.
 */
export class AnswerStream {
  readonly #onBegun: () => void;
  /** As the model named itself; the requested one where it did not. */
  model: string;
  hasBegun = false;
  /** Characters of all that was said so far. */
  length = 0;
  /** As reported last: each count is the whole answer's so far. */
  readonly usage: ReportedUsage = {};

  constructor(requestedModel: string, onBegun: () => void) {
    this.model = requestedModel;
    this.#onBegun = onBegun;
  }

  /** The events as lines of JSON, which is what `MessageStream.fromReadableStream` takes. */
  toLines(events: AsyncIterable<RawMessageStreamEvent>): ReadableStream<Uint8Array> {
    const iterator = events[Symbol.asyncIterator]();
    return new ReadableStream({
      pull: async (controller) => {
        const { done, value } = await iterator.next();
        if (done) return controller.close();
        controller.enqueue(Buffer.from(`${JSON.stringify(this.#checked(value))}\n`));
      },
      cancel: async () => {
        await iterator.return?.();
      },
    });
  }

  #checked(event: RawMessageStreamEvent): RawMessageStreamEvent {
    if (event.type === 'message_start') return this.#begun(event.message);
    if (event.type === 'message_delta') {
      const { delta, usage } = event as { delta?: Partial<typeof event.delta>; usage?: ReportedUsage };
      // What message_start said of the output was before there was any.
      delete this.usage.output_tokens;
      this.#report(usage);
      const { stop_reason, stop_sequence, stop_details, container } = objectOf(delta);
      return {
        type: 'message_delta',
        delta: {
          stop_reason: typeof stop_reason === 'string' ? stop_reason : null,
          stop_sequence: typeof stop_sequence === 'string' ? stop_sequence : null,
          stop_details: stop_details ?? null,
          container: container ?? null,
        },
        usage: { ...event.usage, output_tokens: 0 },
      };
    }
    if (event.type === 'content_block_delta') this.length += JSON.stringify(event.delta ?? null).length;
    return event;
  }

  #begun(received: Message | undefined): RawMessageStreamEvent {
    const message = objectOf<Partial<Message>>(received);
    if (typeof message.model === 'string' && message.model !== '') this.model = message.model;
    this.#report(message.usage as ReportedUsage | undefined);
    if (!this.hasBegun) this.#onBegun();
    this.hasBegun = true;
    return {
      type: 'message_start',
      message: {
        ...message,
        type: 'message',
        role: 'assistant',
        model: this.model,
        content: Array.isArray(message.content) ? message.content : [],
        usage: objectOf<Message['usage']>(message.usage),
      } as Message,
    };
  }

  #report(usage: ReportedUsage | undefined): void {
    for (const [name, value] of Object.entries(objectOf(usage)))
      if (value !== null && value !== undefined) this.usage[name as keyof ReportedUsage] = value;
  }
}

function objectOf<T extends object>(value: T | null | undefined): T {
  return typeof value === 'object' && value !== null ? value : ({} as T);
}
