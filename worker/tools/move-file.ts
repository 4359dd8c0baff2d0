import { chmod, lstat, rename } from 'node:fs/promises';
import { z } from 'zod';
import { MAX_FILE_BYTES } from '../limits.ts';
import { makeFolder, readBytes, removeEmptyFolders, withExecutable } from './file-text.ts';
import { resolveInTree, thereIsNo } from './paths.ts';
import { defineTool, ToolError } from './tool.ts';
import {
  attributesOf,
  describeNewName,
  refuseFilter,
  refuseInconvertible,
  resolveWritable,
} from './writable.ts';

const schema = z.object({
  path: z.string().describe('From the top of the repository'),
  newPath: z.string().describe('Where it goes; the same path where only the executable bit changes'),
  executable: z.boolean().optional().describe('Sets or clears the executable bit; kept where absent'),
});

export const moveFileTool = defineTool({
  name: 'move_file',
  description: 'Moves or renames a file, with its bytes and mode; binary ones too.',
  schema,
  effect: 'writes',
  async run({ path, newPath, executable }, context) {
    const found = await resolveInTree(context.workspace, path);
    const stats = await lstat(found.absolute).catch(() => undefined);
    if (!stats) throw new ToolError(await thereIsNo(context, found, path));
    const from = await resolveWritable(context, path, { filtered: true });
    const { absolute } = await resolveInTree(context.workspace, newPath);
    const mode = withExecutable(stats.mode, executable);
    if (absolute === from.absolute) {
      if (executable === undefined)
        throw new ToolError(
          'path and newPath are the same; nothing would change. Give another newPath, or executable.',
        );
      await chmod(absolute, mode);
      return `${path} is ${executable ? 'executable' : 'not executable'} now.`;
    }
    if (stats.size > MAX_FILE_BYTES)
      throw new ToolError(
        `${path} has ${stats.size} bytes; files of at most ${MAX_FILE_BYTES} can be part of a change.`,
      );
    const there = await lstat(absolute).catch(() => undefined);
    // On a case-insensitive file system, another case of the name is the same file.
    const isItself =
      there !== undefined && there.ino === stats.ino && there.dev === stats.dev && there.nlink === 1;
    if (there && !isItself)
      throw new ToolError(
        `${newPath} exists already; delete it first if the task calls for that, or choose another path.`,
      );
    const to = await resolveWritable(context, newPath, { filtered: true, moved: from });
    const [left, taken] = await Promise.all([attributesOf(context, from), attributesOf(context, to)]);
    if (taken.filter !== undefined && taken.filter !== left.filter)
      throw new ToolError(refuseFilter(to, taken.filter));
    if (taken.filter !== left.filter)
      throw new ToolError(
        `${path} was not moved: it has the attribute filter=${left.filter}, and ${newPath} has not, so what git stores in place of the file would become the file. Choose a path with that attribute.`,
      );
    // A file that had the same encoding before keeps its bytes.
    if (taken.encodings.some((encoding) => !left.encodings.includes(encoding)))
      await refuseInconvertible(context, to, await readBytes(from));
    await makeFolder(to, newPath);
    if (executable !== undefined) await chmod(from.absolute, mode);
    await rename(from.absolute, to.absolute);
    await removeEmptyFolders(context.workspace, from);
    return `Moved ${path} to ${newPath}.${describeNewName(to)}`;
  },
});
