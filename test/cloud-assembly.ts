import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { PLAIN_ENVIRONMENT, ROOT } from './stack.ts';

/** One function of the template, as CloudFormation would make it. */
export type AssembledFunction = {
  /** `api`, or the step's or listener's name as its file has it: `record-result`. */
  name: string;
  /** What Lambda unpacks into the function's folder. */
  folder: string;
  /** `index.handler`. */
  handler: string;
  /** Variables whose value the template knows, such as NODE_OPTIONS. */
  variables: Record<string, string>;
  /** Variables whose value is known at deployment: names of tables, ARNs. */
  resolvedVariables: string[];
};

export type CloudAssembly = {
  functions: AssembledFunction[];
  /** What the worker's image is built from. */
  imageFolder: string;
  template: Template;
};

type Resource = { Type: string; Properties: Record<string, unknown> };
export type Template = { Resources: Record<string, Resource> };

/** `npm run synth` into a folder, without network or credentials, and what it says of the functions and the image. */
export async function synthesize(folder: string): Promise<CloudAssembly> {
  await promisify(execFile)(
    process.execPath,
    ['node_modules/aws-cdk/bin/cdk', 'synth', '--quiet', '--output', folder],
    {
      cwd: ROOT,
      env: { ...PLAIN_ENVIRONMENT, CDK_DISABLE_CLI_TELEMETRY: 'true' },
      maxBuffer: 64 * 1024 * 1024,
    },
  );
  const read = (name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  const template: Template = read('cody-batch-dev.template.json');
  const assets: Assets = read('cody-batch-dev.assets.json');
  const [image] = Object.values(assets.dockerImages);
  return {
    template,
    imageFolder: path.join(folder, image!.source.directory),
    functions: Object.values(template.Resources)
      .filter(({ Type, Properties }) => Type === 'AWS::Lambda::Function' && Properties.FunctionName)
      .map(({ Properties }) => assembledFunction(Properties as FunctionProperties, assets, folder)),
  };
}

/** What names of a deployed environment begin with. */
const NAMES = 'cody-batch-dev-';

type Assets = {
  files: Record<string, { source: { path: string } }>;
  dockerImages: Record<string, { source: { directory: string } }>;
};

type FunctionProperties = {
  FunctionName: string;
  Handler: string;
  Code: { S3Key: string };
  Environment?: { Variables?: Record<string, unknown> };
};

function assembledFunction(
  properties: FunctionProperties,
  assets: Assets,
  folder: string,
): AssembledFunction {
  const asset = assets.files[path.parse(properties.Code.S3Key).name];
  if (!asset)
    throw new Error(`${properties.FunctionName} has the code ${properties.Code.S3Key}, which is no asset.`);
  const given = Object.entries(properties.Environment?.Variables ?? {});
  const isKnown = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === 'string' && !entry[1].includes(NAMES);
  return {
    name: properties.FunctionName.replace(NAMES, ''),
    folder: path.join(folder, asset.source.path),
    handler: properties.Handler,
    variables: Object.fromEntries(given.filter(isKnown)),
    resolvedVariables: given.filter((entry) => !isKnown(entry)).map(([name]) => name),
  };
}
