import { z } from 'zod';
import { readForm } from './file-text.ts';
import { resolveExisting } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';
import { attributesOf } from './writable.ts';

const MAX_LINES = 1000;
const MAX_CHARACTERS = 100 * 1024;

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  startLine: z.int().min(1).optional().describe('First line to show, from 1'),
  endLine: z.int().min(1).optional().describe('Last line to show'),
});

export const readFileTool = defineTool({
  name: 'read_file',
  description:
    'Shows a text file, each line as number, tab, line: at most 1,000 lines or 100 KB, from startLine on. Notes in brackets at the end describe anything unusual.',
  schema,
  effect: 'reads',
  boundsItself: true,
  async run({ path, startLine = 1, endLine = startLine + MAX_LINES - 1 }, context) {
    if (endLine < startLine) throw new ToolError(`endLine ${endLine} is before startLine ${startLine}.`);
    const file = await resolveExisting(context, path);
    const form = await readForm(file);
    if (form.isEmpty) return [`${path} is empty.`, ...form.describe()].join('\n');
    const lines = context.redactor.text(form.shown).split('\n');
    // The empty text after the last line end is not a line.
    if (form.hasLastEnd) lines.pop();
    if (startLine > lines.length) throw new ToolError(`${path} has ${lines.length} lines.`);
    const last = Math.min(endLine, startLine + MAX_LINES - 1, lines.length);
    const isAtEnd = last === lines.length && !form.hasLastEnd;
    const { filter } = await attributesOf(context, file);
    return [
      ...windowOf(lines, startLine, last),
      ...form.describe(),
      ...(isAtEnd ? ['[The last line has no line end.]'] : []),
      ...describeFilter(form.text, filter),
    ].join('\n');
  },
});

function windowOf(lines: readonly string[], first: number, last: number): string[] {
  const shown: string[] = [];
  let room = MAX_CHARACTERS;
  let number = first;
  for (; number <= last; number++) {
    const line = lines[number - 1]!;
    if (line.length > room) {
      if (shown.length > 0) break;
      shown.push(
        `${number}\t${line.slice(0, room)}`,
        `[Line ${number} has ${line.length} characters; cut here.]`,
      );
      number++;
      break;
    }
    room -= line.length;
    shown.push(`${number}\t${line}`);
  }
  const left = lines.length - (number - 1);
  if (left > 0) shown.push(`[${left} more lines; go on with startLine ${number}.]`);
  return shown;
}

/** Filters do not run here, so the tree has what git stores instead of the file. */
function describeFilter(text: string, filter: string | undefined): string[] {
  const pointer = /^version https:\/\/git-lfs\.github\.com\/spec\/v1\n(?:.*\n)*?size (\d+)$/m.exec(
    text.length < 1024 ? text : '',
  );
  const kept = 'It cannot be edited or written here; move_file and delete_file take it.';
  if (pointer)
    return [
      `[This is a pointer of Git LFS, not the file itself, which has ${pointer[1]} bytes and is not here.${filter ? ` ${kept}` : ''}]`,
    ];
  return filter
    ? [
        `[This path has the attribute filter=${filter}: this is what git stores in place of the file. ${kept}]`,
      ]
    : [];
}
