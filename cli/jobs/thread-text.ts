import { printable, printableLine } from '../../core/printable.ts';
import type { ReadableThread } from '../connect/api-client.ts';

type Styles = { heading?: (text: string) => string; call?: (text: string) => string };

/** A conversation as text that a person reads: Markdown, with one line for each tool call. */
export function threadText({ model, messages }: ReadableThread, styles: Styles = {}): string {
  const { heading = String, call = String } = styles;
  return messages
    .map(({ role, text, toolCalls = [] }) =>
      [
        heading(`## ${role === 'user' ? 'Task' : printableLine(model)}`),
        ...(text ? ['', printable(text)] : []),
        ...(toolCalls.length > 0 ? [''] : []),
        ...toolCalls.map(({ line, failed }) => call(printableLine(`- ${failed ? '(failed) ' : ''}${line}`))),
        '',
      ].join('\n'),
    )
    .join('\n');
}
