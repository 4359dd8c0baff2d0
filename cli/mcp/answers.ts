export const STARTS = { readOnlyHint: false, destructiveHint: false, openWorldHint: true };

export function json(value: unknown) {
  return text(JSON.stringify(value, null, 2));
}

export function text(value: string) {
  return { content: [{ type: 'text' as const, text: value }] };
}
