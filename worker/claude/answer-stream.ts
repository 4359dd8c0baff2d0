import type { Message, RawMessageStreamEvent } from '@anthropic-ai/sdk/resources/messages';
import type { ReportedUsage } from '../../core/usage.ts';

/**
 * Checks the events of one answer before the SDK reads them. The SDK throws a TypeError for a `message_start` or
 * `message_delta` with missing parts, and a paid answer would be lost: missing parts are filled in. The reported usage is
 * kept unchanged for billing.
 */
export class AnswerStream {
  readonly #onBegun: () => void;
  /** The model named in the answer, or the requested one if none is named. */
  model: string;
  hasBegun = false;
  /** Characters received so far. */
  length = 0;
  /** The last report. Each count covers the whole answer so far. */
  readonly usage: ReportedUsage = {};

  constructor(requestedModel: string, onBegun: () => void) {
    this.model = requestedModel;
    this.#onBegun = onBegun;
  }

  /** The events as lines of JSON, the input of `MessageStream.fromReadableStream`. */
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
      // The count in message_start was made before there was any output.
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
