import { mkdir, stat, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { z } from 'zod';
import { resolveWritable } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  content: z.string().describe('The whole content'),
});

export const writeFileTool = defineTool({
  name: 'write_file',
  description:
    'Writes a whole file: a new one, with the folders it needs, or in place of one that exists. For a part of a file use edit_file.',
  schema,
  effect: 'writes',
  async run({ path, content }, { workspace, settings }) {
    const file = await resolveWritable(workspace, path, settings);
    const existed = await stat(file.absolute).catch(() => undefined);
    try {
      await mkdir(dirname(file.absolute), { recursive: true });
    } catch {
      throw new ToolError(`A folder of ${path} cannot be made: a file has its name. Look with list_files.`);
    }
    // A file that exists keeps its mode, the executable bit included.
    await writeFile(file.absolute, content);
    return `${existed ? 'Replaced' : 'Created'} ${path} (${Buffer.byteLength(content)} bytes).`;
  },
});
