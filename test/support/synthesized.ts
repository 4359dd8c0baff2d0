import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { compileCache } from './compile-cache.ts';

// biome-ignore lint/suspicious/noExplicitAny: templates are JSON, whose shapes are CloudFormation's to define
export type Json = any;

export type Resource = { Type: string; Properties: Record<string, Json>; DeletionPolicy?: string };
export type Template = {
  Resources: Record<string, Resource>;
  Outputs: Record<string, { Value: unknown }>;
};

/** The time-out of hooks that synthesize: it takes seconds on an idle machine, and more than a minute on a busy one. */
export const SYNTHESIS_MS = 900_000;

export type Synthesized = {
  /** The cloud assembly. */
  folder: string;
  template: Template;
  remove(): Promise<void>;
};

/**
 * Runs the app as CDK does, with the context of cdk.json and the given one, without credentials, once per context and test
 * run. Tests may only read the folder. Rejects if a check of cdk-nag fails.
 */
export async function synthesize(context: Record<string, unknown> = {}): Promise<Synthesized> {
  const key = createHash('sha256')
    .update(JSON.stringify({ environment: 'dev', ...context }))
    .digest('hex')
    .slice(0, 16);
  const made = path.join(process.env.TEST_RUN_FOLDER!, `assembly-${key}`);
  if (!existsSync(made)) {
    const own = await synthesizeInto(`${made}-${process.pid}`, context);
    // Two test files may synthesize at the same time; the second one uses the folder of the first.
    await rename(own, made).catch(() => rm(own, { recursive: true }));
  }
  const file = `cody-batch-${context.environment ?? 'dev'}.template.json`;
  const template = JSON.parse(await readFile(path.join(made, file), 'utf8'));
  // Other test files of the run may still read the folder.
  return { folder: made, template, remove: async () => {} };
}

/** The context of a page that is one file, without a build. */
export async function withPage(): Promise<{ pageFolder: string }> {
  const pageFolder = path.join(process.env.TEST_RUN_FOLDER!, 'page-of-one-file');
  await mkdir(pageFolder, { recursive: true });
  await writeFile(path.join(pageFolder, 'index.html'), '<!doctype html><title>Cody Batch</title>');
  return { pageFolder };
}

/** The context of a page, and of all that is watched if one pays for it. */
export async function watched(): Promise<Record<string, unknown>> {
  return {
    ...(await withPage()),
    ...{ unusualActivity: 'true', cacheMetrics: 'true', dailyClaudeUsd: '7' },
    runbookUrl: 'https://wiki.example.com/docs/runbook.md',
  };
}

/** The environment `dev` with its page and all that is watched. */
export async function synthesizeWatched(): Promise<Synthesized> {
  return synthesize(await watched());
}

async function synthesizeInto(folder: string, context: Record<string, unknown>): Promise<string> {
  const { app, context: written } = JSON.parse(await readFile('cdk.json', 'utf8'));
  const environment = (context.environment as string | undefined) ?? 'dev';
  try {
    await promisify(execFile)(process.execPath, app.split(' ').slice(1), {
      env: {
        PATH: process.env.PATH,
        ...compileCache(),
        CDK_OUTDIR: folder,
        CDK_CONTEXT_JSON: JSON.stringify({ ...written, environment, ...context }),
      },
    });
    return folder;
  } catch (error) {
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

export function ofType({ Resources }: Template, type: string): [string, Resource['Properties']][] {
  return Object.entries(Resources).flatMap(([id, { Type, Properties }]) =>
    Type === type ? [[id, Properties] as [string, Resource['Properties']]] : [],
  );
}

/** The logical ID of the role of worker sessions. */
export function workerSessionRole(template: Template): string {
  const trusting = ofType(template, 'AWS::IAM::Role').filter(
    ([, { AssumeRolePolicyDocument }]) => AssumeRolePolicyDocument.Statement[0].Principal.AWS,
  );
  if (trusting.length !== 1) throw new Error(`${trusting.length} roles are assumed by a role.`);
  return trusting[0]![0];
}

/** A value of a template as one string: `<Table.Arn>/index/*`. */
export function flat(value: Json): string {
  if (typeof value === 'string') return value.replaceAll('${', '<').replaceAll('}', '>');
  if (value?.Ref) return `<${value.Ref}>`;
  if (value?.['Fn::GetAtt']) return `<${value['Fn::GetAtt'].join('.')}>`;
  if (value?.['Fn::Join']) return value['Fn::Join'][1].map(flat).join(value['Fn::Join'][0]);
  if (value?.['Fn::Sub']) return flat(value['Fn::Sub']);
  throw new TypeError(`Not a string: ${JSON.stringify(value)}`);
}

export type Allowed = { action: string; resource: string; conditions: unknown };

/** The actions that the policies of a role allow, each with one resource. */
export function allowedBy(template: Template, roleId: string): Allowed[] {
  const policies = ofType(template, 'AWS::IAM::Policy').filter(([, { Roles }]) =>
    Roles.some((role: unknown) => flat(role) === `<${roleId}>`),
  );
  const role = template.Resources[roleId]!.Properties;
  const documents = [
    ...policies.map(([, { PolicyDocument }]) => PolicyDocument),
    ...(role.Policies ?? []).map(({ PolicyDocument }: Json) => PolicyDocument),
  ];
  return documents.flatMap(({ Statement }) =>
    Statement.flatMap(({ Action, Resource, Condition }: Json) =>
      [Action]
        .flat()
        .flatMap((action: string) =>
          [Resource].flat().map((resource) => ({ action, resource: flat(resource), conditions: Condition })),
        ),
    ),
  );
}

/** `action on resource`, sorted, without duplicates. */
export function lines(allowed: readonly Pick<Allowed, 'action' | 'resource'>[]): string[] {
  return [...new Set(allowed.map(({ action, resource }) => `${action} on ${resource}`))].sort();
}
