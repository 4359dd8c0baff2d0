import { writeFile } from 'node:fs/promises';
import { z } from 'zod';
import { readTextFile } from './file-text.ts';
import { MAX_FILE_BYTES, resolveWritable } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  oldText: z.string().min(1).describe('The exact text to replace, whitespace included, without line numbers'),
  newText: z.string().describe('The text to put in its place'),
  replaceAll: z.boolean().optional().describe('Replace every occurrence; otherwise oldText must be unique'),
});

export const editFileTool = defineTool({
  name: 'edit_file',
  description:
    'Replaces a text in a file. oldText must stand in the file exactly once, so give enough lines around it, or set replaceAll. All other bytes stay as they are.',
  schema,
  effect: 'writes',
  async run({ path, oldText, newText, replaceAll = false }, { workspace, settings }) {
    if (oldText === newText) throw new ToolError('oldText and newText are the same; nothing would change.');
    const file = await resolveWritable(workspace, path, settings);
    const bytes = await readTextFile(file);
    // Bytes, not text: what is no UTF-8 in the rest of the file survives.
    const edit = matchingEdit(bytes, oldText, newText);
    const places = edit ? occurrences(bytes, edit.from) : [];
    if (!edit || places.length === 0) throw new ToolError(notFound(path, bytes, oldText));
    if (places.length > 1 && !replaceAll) {
      const lines = places.slice(0, 5).map((at) => lineOf(bytes, at));
      throw new ToolError(
        `oldText stands ${places.length} times in ${path} (lines ${lines.join(', ')}${places.length > 5 ? ', …' : ''}); give more of the text around it, or set replaceAll.`,
      );
    }
    const size = bytes.length + places.length * (edit.to.length - edit.from.length);
    if (size > MAX_FILE_BYTES)
      throw new ToolError(
        `${path} would have ${size} bytes; files of at most ${MAX_FILE_BYTES} are written.`,
      );
    await writeFile(file.absolute, replaced(bytes, places, edit, size));
    return `Replaced ${places.length} ${places.length === 1 ? 'occurrence' : 'occurrences'} in ${path}.`;
  },
});

type Edit = { from: Buffer; to: Buffer };

/** The edit as given, or, in a file whose line ends are CRLF, with those line ends. */
function matchingEdit(bytes: Buffer, oldText: string, newText: string): Edit | undefined {
  const crlf = (text: string) => text.replace(/\r?\n/g, '\r\n');
  const asGiven = { from: Buffer.from(oldText), to: Buffer.from(newText) };
  // A text without a line end takes the file's for the lines that it adds.
  if (bytes.includes('\r\n') && !oldText.includes('\r') && (oldText + newText).includes('\n')) {
    const edit = { from: Buffer.from(crlf(oldText)), to: Buffer.from(crlf(newText)) };
    if (bytes.includes(edit.from)) return edit;
  }
  return bytes.includes(asGiven.from) ? asGiven : undefined;
}

function occurrences(bytes: Buffer, text: Buffer): number[] {
  const places: number[] = [];
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) places.push(at);
  return places;
}

/** In one piece: of a file of line feeds every byte may be a place. */
function replaced(bytes: Buffer, places: readonly number[], { from, to }: Edit, size: number): Buffer {
  const result = Buffer.allocUnsafe(size);
  let read = 0;
  let written = 0;
  for (const at of places) {
    written += bytes.copy(result, written, read, at);
    written += to.copy(result, written);
    read = at + from.length;
  }
  bytes.copy(result, written, read);
  return result;
}

function lineOf(bytes: Buffer, at: number): number {
  let line = 1;
  for (
    let lineFeed = bytes.indexOf(10);
    lineFeed >= 0 && lineFeed < at;
    lineFeed = bytes.indexOf(10, lineFeed + 1)
  )
    line++;
  return line;
}

/** Says where the file comes closest, by the first line of the text that is not blank. */
function notFound(path: string, bytes: Buffer, oldText: string): string {
  const wanted = oldText
    .split('\n')
    .find((line) => line.trim() !== '')
    ?.trim();
  const lines = bytes.toString('utf8').split('\n');
  const near = wanted ? lines.findIndex((line) => line.includes(wanted)) : -1;
  const loose = wanted?.replace(/\s+/g, '');
  const nearest =
    near >= 0 || !loose ? near : lines.findIndex((line) => line.replace(/\s+/g, '').includes(loose));
  if (nearest < 0)
    return `oldText is not in ${path}; read the file and give the text exactly as it stands there.`;
  const line = JSON.stringify(lines[nearest]!.slice(0, 300));
  return `oldText is not in ${path} as given. Nearest is line ${nearest + 1}: ${line}. Compare the whitespace and the lines that follow, and give the text exactly.`;
}
