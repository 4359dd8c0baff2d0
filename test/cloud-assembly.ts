import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ofType, synthesize } from './lib/synthesized.ts';

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
  remove(): Promise<void>;
};

/** What a deployment of the environment `dev` would run. */
export async function assemble(): Promise<CloudAssembly> {
  const { folder, template, remove } = await synthesize();
  const assets: Assets = JSON.parse(readFileSync(path.join(folder, 'cody-batch-dev.assets.json'), 'utf8'));
  const [image] = Object.values(assets.dockerImages);
  return {
    remove,
    imageFolder: path.join(folder, image!.source.directory),
    functions: ofType(template, 'AWS::Lambda::Function')
      // CDK's own have generated names.
      .filter(([, { FunctionName }]) => FunctionName)
      .map(([, properties]) => assembledFunction(properties as FunctionProperties, assets, folder)),
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
