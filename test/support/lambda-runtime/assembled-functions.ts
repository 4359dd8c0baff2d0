import { appendFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda';
import { apiFunctionOf, type Functions } from '../../../local/functions.ts';
import { jobDefinitionText } from '../../../statemachine/job.ts';
import type { AssembledFunction } from '../cloud-assembly.ts';
import { Instance } from './instance.ts';

export type AssembledStack = {
  functions: AssembledFunction[];
  /** Holds the functions' logs, and `invoked.log`: the name of a function a line. */
  folder: string;
  /** Variables that a deployment has from its context, or from where it runs. */
  environment: Record<string, string>;
  /** The claims of who calls the API. */
  claims: Record<string, string>;
};

/** Settings that a deployment is given in its context, under `settings`. */
const FROM_CONTEXT = [
  'ALLOWED_REPOSITORIES',
  'ANTHROPIC_BASE_URL',
  'CLAUDE_MODEL',
  'COUNTS_MAX_AGE_SECONDS',
  'GITHUB_API_URL',
  'GITHUB_THROTTLE',
  'PULL_REQUESTS_PER_HOUR',
];

/**
 * The functions of a cloud assembly, each in processes of its own that have its bundle and nothing else. A variable
 * that the template does not give a function, the function does not have.
 */
export function assembledFunctions(
  { functions, folder, environment: given, claims }: AssembledStack,
  environment: () => Record<string, string>,
): Functions & { close(): Promise<void> } {
  mkdirSync(folder, { recursive: true });
  const instances = new Map<string, Promise<Instance>>();

  function start(name: string): Promise<Instance> {
    const found = functions.find((one) => one.name === name);
    if (!found) throw new Error(`The template has no function ${name}.`);
    const local = { ...environment(), ...given };
    const resolved = found.resolvedVariables
      .filter((variable) => !NOT_HERE.includes(variable) || variable in given)
      .map((variable) => [variable, localValue(variable, local)]);
    const around = Object.entries(local).filter(
      ([variable]) => variable.startsWith('AWS_') || FROM_CONTEXT.includes(variable),
    );
    return Instance.start({
      name,
      folder: found.folder,
      handler: found.handler,
      environment: { ...Object.fromEntries(around), ...found.variables, ...Object.fromEntries(resolved) },
      logFile: path.join(folder, `${name}.log`),
    });
  }

  async function invoke(name: string, payload: unknown): Promise<unknown> {
    appendFileSync(path.join(folder, 'invoked.log'), `${name}\n`);
    if (!instances.has(name)) instances.set(name, start(name));
    return (await instances.get(name)!).invoke(payload);
  }

  return {
    steps: [...jobDefinitionText().matchAll(/\$\{(\w+)Function\}/g)].map(([, name]) => name!),
    invokeStep: (name, payload) => invoke(kebabCase(name), payload),
    invokeListener: (name, event) => invoke(kebabCase(name), event),
    // As API Gateway does once its authorizer has verified a token.
    answerApi: (event) =>
      invoke(apiFunctionOf(event), {
        ...event,
        requestContext: { ...event.requestContext, authorizer: { jwt: { claims, scopes: null } } },
      }) as Promise<APIGatewayProxyStructuredResultV2>,
    async close() {
      for (const instance of instances.values()) await (await instance).close();
    },
  };
}

/** What a function does without where no SNS and no SQS is, and where no secret can be given a new value, unless it is given. */
const NOT_HERE = ['NOTICE_TOPIC_ARN', 'NOTICE_DEAD_LETTERS_URL', 'ROTATED_SECRETS'];

/** What stands locally for what a deployment resolves. */
function localValue(variable: string, local: Record<string, string>): string {
  const tables: Record<string, string> = {
    DYNAMODB_JOBS_TABLE: `${local.DYNAMODB_TABLE_PREFIX}-jobs`,
    DYNAMODB_REPOSITORIES_TABLE: `${local.DYNAMODB_TABLE_PREFIX}-repositories`,
  };
  // A secret is called as its variable, with the service's test double behind AWS_ENDPOINT_URL_SECRETS_MANAGER.
  const value =
    tables[variable] ?? local[variable] ?? (variable.endsWith('_SECRET_ID') ? variable : undefined);
  if (value === undefined)
    throw new Error(`The template gives ${variable}, for which this machine has nothing.`);
  return value;
}

/** `RecordResult` is `record-result` among the functions' names. */
function kebabCase(name: string): string {
  return name.replace(/(?<!^)([A-Z])/g, '-$1').toLowerCase();
}
