import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { invocationFolder, userPath } from '../connect/folders.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { findNames } from '../jobs/repository-reference.ts';
import { findShape } from '../jobs/shapes.ts';
import { print } from '../terminal/print.ts';

export const patches = jobCommand('patches', {
  summary: 'downloads the patches of a job as a ZIP archive',
  description:
    'Downloads the patches of a job as a ZIP archive with a manifest.json. A large job has several archives, whose names end in -2, -3 and so on.',
  examples: [
    ['patches -', 'all changes of the last job'],
    ['patches 8X2Q --shape 3f2a --out renames.zip', 'one shape, to a file of your choice'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository...]', 'names or patterns with *; all that changed if none is given')
  .addOption(new Option('--shape <id>', 'only changes of this shape'))
  .addOption(new Option('-o, --out <file>', 'the file (the name of the job, with .zip)'));

onJob<{ shape?: string; out?: string }>(patches, async ({ api }, jobId, { shape, out }, given: string[]) => {
  if (shape !== undefined && given.length > 0)
    throw new UsageError('--shape and repositories are both given. Pick the changes by one of them.');
  const rows = given.length > 0 || shape !== undefined ? await api.getRows(jobId) : [];
  const known = rows.map(({ repositoryName }) => repositoryName);
  const query = {
    ...(given.length > 0 && { repositories: findNames(given, known).join(',') }),
    ...(shape !== undefined && { shape: findShape(rows, shape).shape }),
  };
  const file = out === undefined ? path.join(invocationFolder(), `${jobId}-patches.zip`) : userPath(out);
  let number = 0;
  for await (const archive of api.getPatches(jobId, query)) {
    number += 1;
    const name = number === 1 ? file : file.replace(/(\.zip)?$/i, `-${number}$1`);
    if (existsSync(name)) throw new UsageError(`${name} exists. Move it, or name another file by --out.`);
    await writeFile(name, archive);
    print(`${name}\n`);
  }
});
