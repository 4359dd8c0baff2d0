import { lstat } from 'node:fs/promises';
import { z } from 'zod';
import { MAX_FILE_BYTES } from '../limits.ts';
import { alignLineEnds } from './align-line-ends.ts';
import { FileForm } from './file-form.ts';
import { makeFolder, readBytes, writeBytes } from './file-text.ts';
import type { TreePath } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';
import { describeNewName, describeStoredEnds, resolveWritable } from './writable.ts';

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  content: z.string().describe('The whole content'),
  executable: z.boolean().optional().describe('Sets or clears the executable bit; kept where absent'),
});

export const writeFileTool = defineTool({
  name: 'write_file',
  description:
    'Writes a whole file: a new one, with its folders, or a replacement of an existing one, whose encoding, line ends and mode are kept. To change a part of a file use edit_file.',
  schema,
  effect: 'writes',
  async run({ path, content, executable }, context) {
    const file = await resolveWritable(context, path);
    if (!content.isWellFormed())
      throw new ToolError(
        `The content for ${path} holds half of a surrogate pair. Give the whole character.`,
      );
    const existed = await lstat(file.absolute).catch(() => undefined);
    if (!existed) await makeFolder(file, path);
    const { bytes, kept } = existed
      ? await inFormOf(file, content)
      : { bytes: Buffer.from(content), kept: [] };
    await writeBytes(context, file, bytes, executable);
    const size = `${existed ? 'Replaced' : 'Created'} ${path} (${bytes.length} bytes).`;
    const asBefore = kept.length === 0 ? '' : ` As before: ${kept.join(', ')}.`;
    const name = existed ? '' : describeNewName(file);
    return size + asBefore + name + (await describeStoredEnds(context, file, bytes));
  },
});

type InForm = { bytes: Buffer; kept: string[] };

/** The content in the form of the file that it replaces, and the properties that were kept. */
async function inFormOf(file: TreePath, content: string): Promise<InForm> {
  const path = file.relative;
  const old = await readBytes(file);
  const form = FileForm.of(old);
  if (!form)
    throw new ToolError(
      `${path} is a binary file, which text would destroy. Nothing was written. If the task calls for text there, delete the file first.`,
    );
  if (content.length > MAX_FILE_BYTES) return { bytes: Buffer.from(content), kept: [] };
  // An empty file has no form except perhaps a byte order mark.
  if (form.isEmpty)
    return { bytes: form.toBytes(content.replace(/^\uFEFF/, form.hasBom ? '' : '$&')), kept: [] };
  const given = form.normalize(content);
  const text = withLastEnd(form, given);
  const encoded = encodeWhole(path, form, text);
  const ends =
    typeof form.ends === 'string' ? form.endsFor(content) : alignLineEnds(form, 0, form.shown, text);
  const kept = [
    ...(form.hasBom && !content.startsWith('\uFEFF') ? ['a byte order mark'] : []),
    ...(form.encoding.startsWith('UTF-16') ? [form.encoding] : []),
    ...(form.encoding === 'bytes' ? ['not UTF-8'] : []),
    ...describeEnds(form, content),
    ...(text === given
      ? []
      : [form.hasLastEnd ? 'a line end at the end' : 'no line end at the end (edit_file can add it)']),
  ];
  return { bytes: form.toBytes(encoded, ends), kept };
}

function withLastEnd(form: FileForm, given: string): string {
  if (given === '' || form.hasLastEnd === given.endsWith('\n')) return given;
  return form.hasLastEnd ? `${given}\n` : given.slice(0, -1);
}

function describeEnds(form: FileForm, content: string): string[] {
  if (!form.text.includes('\n') || !content.includes('\n')) return [];
  const given = content.includes('\r\n') ? (/(^|[^\r])\n/.test(content) ? undefined : '\r\n') : '\n';
  if (given === form.ends) return [];
  if (typeof form.ends !== 'string') return ["each line's own line end"];
  return [`${{ '\n': 'LF', '\r\n': 'CRLF', '\r': 'CR' }[form.ends]} line ends`];
}

/** In a file that is not UTF-8, unchanged lines keep their bytes. */
function encodeWhole(path: string, form: FileForm, text: string): string {
  if (form.encoding !== 'bytes') return form.encode(path, text);
  const stored = form.text.split('\n');
  const known = new Map(form.shown.split('\n').map((line, i) => [line, stored[i]!]));
  return text
    .split('\n')
    .map((line) => known.get(line) ?? form.encode(path, line))
    .join('\n');
}
