import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Ajv, type AnySchema } from 'ajv';
import { ROOT } from './support/stack.ts';
import { temporaryFolder } from './support/temporary-folder.ts';

let folder: Awaited<ReturnType<typeof temporaryFolder>>;
beforeAll(async () => {
  folder = await temporaryFolder();
});
afterAll(() => folder?.remove());

test('the bills of materials are valid CycloneDX, and name what is bundled with its version and digest', () => {
  const { status, stderr } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'bin/sbom.ts'), path.join(folder.path, 'sbom')],
    { cwd: ROOT, encoding: 'utf8' },
  );
  expect([status, stderr]).toEqual([0, '']);
  const isValid = validator();
  const named = ['package', 'worker', 'functions'].map((name) => {
    const bom = JSON.parse(readFileSync(path.join(folder.path, 'sbom', `${name}.cdx.json`), 'utf8'));
    isValid(bom);
    expect([name, isValid.errors]).toEqual([name, null]);
    for (const { purl, hashes } of bom.components)
      expect([purl, hashes?.[0]?.alg]).toEqual([expect.stringMatching(/^pkg:npm\/.+@\d/), 'SHA-512']);
    return bom.components.map((component: { name: string }) => component.name) as string[];
  });
  const [whole, worker, functions] = named as [string[], string[], string[]];
  expect(whole).toContain('dynalite');
  expect(worker).toEqual(expect.arrayContaining(['@anthropic-ai/sdk', '@aws-sdk/client-s3', 'zod']));
  expect(functions).toEqual(expect.arrayContaining(['@octokit/rest', '@aws-sdk/client-sfn']));
  for (const part of [worker, functions]) expect(part).not.toContain('dynalite');
});

/** By CycloneDX's own schema. */
function validator() {
  const library = path.dirname(
    createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json'),
  );
  const schema = (name: string): AnySchema =>
    JSON.parse(readFileSync(path.join(library, 'res/schema', `${name}.SNAPSHOT.schema.json`), 'utf8'));
  const ajv = new Ajv({ strict: false, validateFormats: false, unicodeRegExp: false });
  for (const name of ['spdx', 'jsf-0.82'])
    ajv.addSchema(schema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`);
  return ajv.compile(schema('bom-1.5'));
}
