import { z } from 'zod';
import { readTextFile } from './file-text.ts';
import { resolveExisting } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';

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
    'Shows a text file with line numbers (number, tab, line). At most 1,000 lines or 100 KB at once; read a longer file in windows with startLine and endLine.',
  schema,
  effect: 'reads',
  boundsItself: true,
  async run({ path, startLine = 1, endLine = startLine + MAX_LINES - 1 }, { workspace, redactor }) {
    if (endLine < startLine) throw new ToolError(`endLine ${endLine} is before startLine ${startLine}.`);
    const bytes = await readTextFile(await resolveExisting(workspace, path));
    if (bytes.length === 0) return `${path} is empty.`;
    const text = redactor.text(bytes.toString('utf8'));
    const lines = text.split('\n');
    // What follows the last line feed is no line of its own.
    if (lines.at(-1) === '') lines.pop();
    if (startLine > lines.length) throw new ToolError(`${path} has ${lines.length} lines.`);
    const last = Math.min(endLine, startLine + MAX_LINES - 1, lines.length);
    return [
      ...windowOf(lines, startLine, last),
      ...(text.includes('\r\n') ? ['[The line ends are CRLF.]'] : []),
    ].join('\n');
  },
});

function windowOf(lines: readonly string[], first: number, last: number): string[] {
  const shown: string[] = [];
  let room = MAX_CHARACTERS;
  let number = first;
  for (; number <= last; number++) {
    const line = lines[number - 1]!.replace(/\r$/, '');
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
