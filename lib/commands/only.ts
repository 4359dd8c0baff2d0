import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { CloudFormationClient, GetTemplateCommand } from '@aws-sdk/client-cloudformation';
import { SettingsError } from '../../core/errors.ts';
import type { Account } from './checks.ts';

export const PARTS = ['page', 'functions', 'worker'] as const;
export type Part = (typeof PARTS)[number];

type Resource = { Type: string; Properties?: Record<string, unknown> };
export type Template = { Resources: Record<string, Resource> };

/** The properties by which a deployment of the part alone changes a resource; undefined if it is not of the part. */
function changing(part: Part, { Type, Properties }: Resource): readonly string[] | undefined {
  if (part === 'functions' && Type === 'AWS::Lambda::Function' && Properties?.FunctionName) return ['Code'];
  if (part === 'worker' && Type === 'AWS::Batch::JobDefinition') return ['ContainerProperties.Image'];
  if (part === 'page' && Type === 'Custom::CDKBucketDeployment')
    return ['SourceBucketNames', 'SourceObjectKeys', 'SourceMarkers', 'SourceMarkersConfig'];
  return undefined;
}

/**
 * The deployed template with one part of the next one. Throws SettingsError if the part has other resources than the deployed
 * stack: then the whole has to be deployed.
 */
export function onlyPart(deployed: Template, next: Template, part: Part): Template {
  const idsOf = ({ Resources }: Template) =>
    Object.keys(Resources).filter((id) => changing(part, Resources[id]!));
  const [before, after] = [idsOf(deployed), idsOf(next)];
  const added = after.filter((id) => !before.includes(id));
  const gone = before.filter((id) => !after.includes(id));
  if (added.length + gone.length > 0 || after.length === 0)
    throw new SettingsError(
      `The ${part} of the deployed stack cannot be replaced alone: ${after.length === 0 ? 'there is none to deploy' : `${[...added, ...gone].join(', ')} is only in one of both`}. Deploy without --only.`,
    );
  const template = structuredClone(deployed);
  for (const id of after)
    for (const property of changing(part, next.Resources[id]!)!)
      copy(property.split('.'), next.Resources[id]!.Properties!, template.Resources[id]!.Properties!);
  return template;
}

function copy(names: string[], from: Record<string, unknown>, to: Record<string, unknown>): void {
  const [name, ...rest] = names as [string, ...string[]];
  if (rest.length > 0) copy(rest, from[name] as Record<string, unknown>, to[name] as Record<string, unknown>);
  else if (from[name] === undefined) delete to[name];
  else to[name] = from[name];
}

/** Replaces the template of a cloud assembly by the deployed one with the part. */
export async function keepOnly(
  part: Part,
  { folder, stack, account }: { folder: string; stack: string; account: Account },
): Promise<void> {
  const file = path.join(folder, `${stack}.template.json`);
  const { TemplateBody } = await new CloudFormationClient(account).send(
    new GetTemplateCommand({ StackName: stack, TemplateStage: 'Original' }),
  );
  const text = JSON.stringify(
    onlyPart(JSON.parse(TemplateBody!), JSON.parse(readFileSync(file, 'utf8')), part),
  );
  writeFileSync(file, text);
  renameTemplate(folder, stack, createHash('sha256').update(text).digest('hex'));
}

/** CDK does not upload a template whose name is in its bucket already, and the name is a digest of what it synthesized. */
function renameTemplate(folder: string, stack: string, digest: string): void {
  const assets = path.join(folder, `${stack}.assets.json`);
  const { files } = JSON.parse(readFileSync(assets, 'utf8')) as {
    files: Record<string, { source: { path: string } }>;
  };
  const [old] = Object.entries(files).find(([, { source }]) => source.path === `${stack}.template.json`)!;
  for (const file of [assets, path.join(folder, 'manifest.json')])
    writeFileSync(file, readFileSync(file, 'utf8').replaceAll(old, digest));
}
