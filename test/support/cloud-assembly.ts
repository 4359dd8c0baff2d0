import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Json, ofType, synthesize, type Template } from './synthesized.ts';

/** One function of the template, as CloudFormation would make it. */
export type AssembledFunction = {
  /** `api`, or the step's or listener's name as its file has it: `record-result`. */
  name: string;
  /** The logical id of its role. */
  role: string;
  /** What Lambda unpacks into the function's folder. */
  folder: string;
  /** `index.handler`. */
  handler: string;
  /** Variables whose value the template knows, such as NODE_OPTIONS. */
  variables: Record<string, string>;
  /** Variables whose value is known at deployment: names of tables, ARNs. */
  resolvedVariables: string[];
  /** Those of them that name a secret, with its logical id. */
  secretIds: Record<string, string>;
};

export type CloudAssembly = {
  functions: AssembledFunction[];
  template: Template;
  /** What the worker's image is built from. */
  imageFolder: string;
  remove(): Promise<void>;
};

/** What a deployment of the environment would run. */
export async function assemble(
  environment = 'dev',
  context: Record<string, unknown> = {},
): Promise<CloudAssembly> {
  const { folder, template, remove } = await synthesize({ environment, ...context });
  const stack = `cody-batch-${environment}`;
  const assets: Assets = JSON.parse(readFileSync(path.join(folder, `${stack}.assets.json`), 'utf8'));
  const [image] = Object.values(assets.dockerImages);
  return {
    remove,
    template,
    imageFolder: path.join(folder, image!.source.directory),
    functions: ofType(template, 'AWS::Lambda::Function')
      // CDK's own have generated names.
      .filter(([, { FunctionName }]) => FunctionName)
      .map(([, properties]) =>
        assembledFunction(properties as FunctionProperties, assets, folder, `${stack}-`),
      ),
  };
}

type Assets = {
  files: Record<string, { source: { path: string } }>;
  dockerImages: Record<string, { source: { directory: string } }>;
};

type FunctionProperties = {
  FunctionName: string;
  Handler: string;
  Code: { S3Key: string };
  Role: Json;
  Environment?: { Variables?: Record<string, unknown> };
};

function assembledFunction(
  properties: FunctionProperties,
  assets: Assets,
  folder: string,
  prefix: string,
): AssembledFunction {
  const asset = assets.files[path.parse(properties.Code.S3Key).name];
  if (!asset)
    throw new Error(
      `${properties.FunctionName} has the code ${properties.Code.S3Key}, which is not an asset.`,
    );
  const given = Object.entries(properties.Environment?.Variables ?? {});
  const isKnown = (entry: [string, unknown]): entry is [string, string] =>
    typeof entry[1] === 'string' && !entry[1].includes(prefix);
  return {
    name: properties.FunctionName.replace(prefix, ''),
    role: properties.Role['Fn::GetAtt'][0],
    folder: path.join(folder, asset.source.path),
    handler: properties.Handler,
    variables: Object.fromEntries(given.filter(isKnown)),
    secretIds: Object.fromEntries(
      given
        .filter(([name]) => name.endsWith('_SECRET_ID'))
        .map(([name, value]) => [name, (value as Json).Ref]),
    ),
    resolvedVariables: given.filter((entry) => !isKnown(entry)).map(([name]) => name),
  };
}
