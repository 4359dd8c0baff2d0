import { lstat, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { resolveWritable } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';

const schema = z.object({ path: z.string().describe('From the top of the repository') });

export const deleteFileTool = defineTool({
  name: 'delete_file',
  description: 'Deletes one file, or a symbolic link itself. A folder goes with its last file.',
  schema,
  effect: 'writes',
  async run({ path }, { workspace, settings }) {
    const { absolute } = await resolveWritable(workspace, path, settings, { links: true });
    const stats = await lstat(absolute).catch(() => undefined);
    if (!stats) throw new ToolError(`There is no ${path}; look with list_files for the paths that exist.`);
    await unlink(absolute);
    return `Deleted ${path}.`;
  },
});
