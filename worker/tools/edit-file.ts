import { lstat } from 'node:fs/promises';
import { z } from 'zod';
import { MAX_FILE_BYTES } from '../limits.ts';
import { alignLineEnds } from './align-line-ends.ts';
import type { FileForm, LineEnd, LineEnds } from './file-form.ts';
import { readForm, writeBytes } from './file-text.ts';
import { placesOf } from './find-text.ts';
import { nearestLine } from './near-miss.ts';
import { resolveInTree, thereIsNo } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';
import { describeStoredEnds, resolveWritable } from './writable.ts';

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  oldText: z.string().min(1).describe('The exact text to replace, whitespace included, without line numbers'),
  newText: z.string().describe('The text to put in its place'),
  replaceAll: z.boolean().optional().describe('Replace every occurrence; otherwise oldText must be unique'),
});

export const editFileTool = defineTool({
  name: 'edit_file',
  description:
    'Replaces a text in a file. oldText must occur in the file exactly once, so give enough lines around it, or set replaceAll. Encoding, line ends and mode are kept.',
  schema,
  effect: 'writes',
  async run({ path, oldText, newText, replaceAll = false }, context) {
    const found = await resolveInTree(context.workspace, path);
    if (!(await lstat(found.absolute).catch(() => undefined)))
      throw new ToolError(await thereIsNo(context, found, path));
    const file = await resolveWritable(context, path);
    const form = await readForm(file);
    const from = form.normalize(oldText);
    const to = form.normalize(newText);
    if (from === to || from === '')
      throw new ToolError(
        oldText === newText
          ? 'oldText and newText are the same; nothing would change.'
          : 'oldText and newText differ only in line ends or a byte order mark, which an edit keeps; nothing would change. To change those, delete the file and write it anew.',
      );
    const places = placesOf(form.shown, from);
    if (places.length === 0) throw new ToolError(notFound(path, form, from));
    if (places.length > 1 && !replaceAll) {
      const lines = places.slice(0, 5).map((at) => lineOf(form.shown, at));
      throw new ToolError(
        `oldText occurs ${places.length} times in ${path} (lines ${lines.join(', ')}${places.length > 5 ? ', …' : ''}); give more lines around it, or set replaceAll.`,
      );
    }
    // Every character has at least one byte. Checked before the text is built, which may be far too long.
    const tooLong = form.text.length + places.length * (to.length - from.length) > MAX_FILE_BYTES;
    const ends = form.endsFor(newText);
    const bytes = tooLong ? undefined : edited(path, form, { places, from, to, ends });
    await writeBytes(context, file, bytes);
    const count = `Replaced ${places.length} ${places.length === 1 ? 'occurrence' : 'occurrences'} in ${path}.`;
    return count + (await describeStoredEnds(context, file, bytes!));
  },
});

type Edit = { places: readonly number[]; from: string; to: string; ends: LineEnds };

function edited(path: string, form: FileForm, { places, from, to, ends: known }: Edit): Buffer {
  const { text } = form;
  const hasOneEnd = typeof known === 'string';
  const pieces: string[] = [];
  const ends: LineEnd[] = [];
  let read = 0;
  let line = 0;
  const keep = (until: number) => {
    const kept = text.slice(read, until);
    pieces.push(kept);
    if (hasOneEnd) return;
    for (let left = countLines(kept); left > 0; left--) ends.push(form.endOf(line++));
  };
  for (const at of places) {
    keep(at);
    read = at + from.length;
    const replaced = text.slice(at, read);
    const around = form.encoding === 'bytes' ? linesAround(text, at, read) : '';
    pieces.push(form.encode(path, to, { replaced, around }));
    if (hasOneEnd) continue;
    ends.push(...alignLineEnds(form, line, from, to));
    line += countLines(from);
  }
  keep(text.length);
  return form.toBytes(pieces.join(''), hasOneEnd ? known : ends);
}

function countLines(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) count++;
  return count;
}

function linesAround(text: string, from: number, to: number): string {
  const end = text.indexOf('\n', to);
  return text.slice(from === 0 ? 0 : text.lastIndexOf('\n', from - 1) + 1, end < 0 ? text.length : end);
}

function lineOf(text: string, at: number): number {
  return countLines(text.slice(0, at)) + 1;
}

/** Shows the line that is most similar to the text. */
function notFound(path: string, form: FileForm, from: string): string {
  const about = form
    .describe()
    .map((said) => ` ${said}`)
    .join('');
  const nearest = nearestLine(form.shown, from);
  if (!nearest)
    return `oldText is not in ${path}; read the file and give the text exactly as it stands there.${about}`;
  return `oldText is not in ${path} as given. ${nearest} Compare the whitespace and the lines that follow, and give the text exactly.${about}`;
}
