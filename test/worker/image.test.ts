import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { DockerfileParser, type JSONInstruction } from 'dockerfile-ast';
import { WORK_FOLDER } from '../../lib/batch-compute.ts';
import { BASE_IMAGE } from '../../lib/built-image.ts';
import { prepareToolchain, prepareWorkerImage } from '../../lib/worker-image.ts';

let context: string;
let dockerfile: ReturnType<typeof DockerfileParser.parse>;

beforeAll(async () => {
  context = await mkdtemp(path.join(tmpdir(), 'cody-batch-image-'));
  await prepareWorkerImage(context);
  dockerfile = DockerfileParser.parse(await readFile(path.join(context, 'Dockerfile'), 'utf8'));
});
afterAll(() => rm(context, { recursive: true, force: true }));

const instructions = (keyword: string) =>
  dockerfile.getInstructions().filter((instruction) => instruction.getKeyword() === keyword);
const jsonArguments = (keyword: string): string[] =>
  (instructions(keyword).at(-1) as JSONInstruction)
    .getJSONStrings()
    .map((argument) => JSON.parse(argument.getValue()));
const variables = () =>
  Object.fromEntries(
    dockerfile
      .getENVs()
      .flatMap((env) => env.getProperties())
      .map((property) => [property.getName(), property.getValue() ?? '']),
  );

/** Copies as COPY would, and returns the image's root. */
async function layOut(): Promise<string> {
  const root = path.join(context, 'root');
  for (const copy of dockerfile.getCOPYs()) {
    expect(copy.getFlags()).toEqual([]);
    const [source, target] = copy.getArguments().map((argument) => argument.getValue());
    expect((await stat(path.join(context, source!))).isDirectory()).toBe(true);
    expect([source, target].every((folder) => folder!.endsWith('/'))).toBe(true);
    await cp(path.join(context, source!), path.join(root, target!), { recursive: true });
  }
  return root;
}

/** Runs a program of the image, with the image's environment and nothing else. */
async function runEntryPoint(root: string, args: readonly string[]) {
  const [program, ...given] = jsonArguments('ENTRYPOINT');
  expect(program).toBe('node');
  const inImage = given.map((argument) => (argument.startsWith('/') ? path.join(root, argument) : argument));
  const work = path.join(root, 'work');
  await mkdir(work, { recursive: true });
  const env = { ...variables(), PATH: '/usr/bin:/bin', TEMP_DIR: work };
  return promisify(execFile)(process.execPath, [...inImage, ...args], { cwd: work, env }).then(
    ({ stdout }) => ({ code: 0, stdout }),
    (error: { code: number; stdout: string }) => error,
  );
}

test('the worker starts from what the image has, with no package and no source beside it', async () => {
  const root = await layOut();
  const files = await readdir(root, { recursive: true });
  expect(files.filter((file) => file.includes('node_modules') || file.endsWith('.ts'))).toEqual([]);

  const { code, stdout } = await runEntryPoint(root, ['not-a-job', 'nowhere']);

  // It read its arguments and said what is wrong with them: every import was there.
  expect(code).toBe(1);
  expect(JSON.parse(stdout.trim().split('\n').at(-1)!).message).toContain(
    'The worker has no valid job and repository. The arguments gave',
  );
});

test('a command of a job cannot act as the worker: two users, neither of them root', () => {
  const shell = instructions('RUN')
    .map((run) => run.getArgumentsContent())
    .join('\n');
  const uid = (name: string) => new RegExp(`useradd --uid (\\d+) --gid ${name} `).exec(shell)?.[1];
  const gid = (name: string) => new RegExp(`groupadd --gid (\\d+) ${name}\\b`).exec(shell)?.[1];
  const worker = `${uid('worker')}:${gid('worker')}`;
  const commands = `${uid('commands')}:${gid('commands')}`;
  expect(worker).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(commands).toMatch(/^[1-9]\d*:[1-9]\d*$/);
  expect(commands).not.toBe(worker);
  expect(instructions('USER').at(-1)!.getArgumentsContent()).toBe(worker);
  expect(variables().COMMAND_USER).toBe(commands);

  // The setpriv that may change users is first on the worker's PATH, and on no other PATH.
  const setpriv = /--owner root --group worker --mode 4750 \/usr\/bin\/setpriv (\S+)/.exec(shell)![1]!;
  expect(variables().PATH!.split(':')[0]).toBe(path.dirname(setpriv));
});

test('the work folder is the volume that the job definition mounts, so that a read-only container can work', () => {
  expect(jsonArguments('VOLUME')).toEqual([WORK_FOLDER]);
  expect(variables().TEMP_DIR).toBe(WORK_FOLDER);
  expect(instructions('WORKDIR').at(-1)!.getArgumentsContent()).toBe(WORK_FOLDER);
  const shell = instructions('RUN').map((run) => run.getArgumentsContent());
  expect(shell.join('\n')).toContain(`--owner worker --group worker --mode 0711 ${WORK_FOLDER}`);
  expect(shell.join('\n')).toMatch(new RegExp(`/dev/null ${WORK_FOLDER}/\\.keep$`));
});

test('no package manager is in the image, and the base is whatever digest a deployment names', () => {
  const shell = instructions('RUN')
    .map((run) => run.getArgumentsContent())
    .join('\n');
  for (const gone of [
    '/usr/local/lib/node_modules',
    'bin/npm',
    'bin/npx',
    'bin/corepack',
    'bin/yarn',
    '/opt/yarn-*',
  ])
    expect(shell).toMatch(new RegExp(`rm -rf [^&]*${gone.replaceAll('*', String.raw`\*`)}`));
  expect(instructions('ARG').map((arg) => arg.getArgumentsContent())).toEqual([`BASE_IMAGE=${BASE_IMAGE}`]);
  expect(instructions('FROM').map((from) => from.getArgumentsContent())).toEqual(['${BASE_IMAGE}']);
});

test('what changes most comes last, so that a new worker is one small layer', () => {
  const keywords = dockerfile.getInstructions().map((instruction) => instruction.getKeyword());
  expect(keywords.lastIndexOf('RUN')).toBeLessThan(keywords.indexOf('COPY'));
});

test('a toolchain is built on the worker’s image, and its commands do not run as root', async () => {
  const toolchain = await mkdtemp(path.join(tmpdir(), 'cody-batch-toolchain-'));
  const own = 'FROM worker\nUSER root\nRUN apt-get install --yes maven\nCOPY settings.xml /etc/maven/\n';
  const write = (text: string) => writeFile(path.join(toolchain, 'Dockerfile'), text);
  try {
    await write(`# Java\n${own}`);
    await writeFile(path.join(toolchain, 'settings.xml'), '<settings/>');
    const folder = prepareToolchain('jdk', toolchain, context);
    const text = await readFile(path.join(folder, 'Dockerfile'), 'utf8');
    const stages = DockerfileParser.parse(text).getFROMs();
    expect(stages.map((from) => [from.getImage(), from.getBuildStage()])).toEqual([
      ['${BASE_IMAGE}', 'worker'],
      ['worker', null],
    ]);
    expect(text.trimEnd().split('\n').at(-1)).toBe('USER 10001:10001');
    expect((await readdir(folder)).sort()).toEqual(['Dockerfile', 'app', 'settings.xml']);
    await write('FROM debian:12\n');
    expect(() => prepareToolchain('jdk', toolchain, context)).toThrow(
      /begins with "FROM debian:12"\. Begin it with FROM worker/,
    );
  } finally {
    await rm(toolchain, { recursive: true });
    await rm(`${context}-jdk`, { recursive: true, force: true });
  }
});
