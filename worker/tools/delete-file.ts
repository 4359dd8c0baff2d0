import { lstat, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { removeEmptyFolders } from './file-text.ts';
import { resolveInTree, thereIsNo } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';
import { resolveWritable } from './writable.ts';

const schema = z.object({ path: z.string().describe('From the top of the repository') });

export const deleteFileTool = defineTool({
  name: 'delete_file',
  description: 'Deletes one file, or a symbolic link itself. A folder goes with its last file.',
  schema,
  effect: 'writes',
  async run({ path }, context) {
    const found = await resolveInTree(context.workspace, path);
    const stats = await lstat(found.absolute).catch(() => undefined);
    if (!stats) throw new ToolError(await thereIsNo(context, found, path));
    const file = await resolveWritable(context, path, { links: true, filtered: true });
    await unlink(file.absolute);
    await removeEmptyFolders(context.workspace, file);
    return `Deleted ${path}.`;
  },
});
