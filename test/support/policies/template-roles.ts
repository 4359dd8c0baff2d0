import { type Json, ofType, type Template } from '../synthesized.ts';
import { requireKnown, type Statement } from './evaluate.ts';

export const REGION = 'us-east-1';
export const ACCOUNT = '000000000000';

/** What a deployment would fill in, and `refs` what only the service knows, by logical id. */
export class Deployed {
  readonly #template: Template;
  readonly #refs: Readonly<Record<string, string>>;

  constructor(template: Template, refs: Readonly<Record<string, string>>) {
    this.#template = template;
    this.#refs = refs;
  }

  /** A value of the template as CloudFormation would resolve it. Throws for one that these tests do not know. */
  text(value: Json): string {
    if (typeof value === 'string') return value;
    if (value?.Ref) return this.#ref(value.Ref);
    if (value?.['Fn::Join'])
      return value['Fn::Join'][1].map((part: Json) => this.text(part)).join(value['Fn::Join'][0]);
    if (value?.['Fn::GetAtt']) return this.#attribute(value['Fn::GetAtt'][0], value['Fn::GetAtt'][1]);
    throw new TypeError(`Not known here: ${JSON.stringify(value)}`);
  }

  #ref(id: string): string {
    const pseudo: Record<string, string> = {
      'AWS::Partition': 'aws',
      'AWS::Region': REGION,
      'AWS::AccountId': ACCOUNT,
      'AWS::URLSuffix': 'amazonaws.com',
    };
    const known = pseudo[id] ?? this.#refs[id];
    if (known !== undefined) return known;
    const { Type, Properties } = this.#template.Resources[id]!;
    const name =
      Properties.TableName ?? Properties.BucketName ?? Properties.QueueName ?? Properties.LogGroupName;
    if (name === undefined) throw new TypeError(`Ref of ${id}, a ${Type}, is not known here.`);
    return this.text(name);
  }

  #attribute(id: string, attribute: string): string {
    const { Type, Properties } = this.#template.Resources[id]!;
    const arn = (service: string, resource: string) => `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`;
    const arns: Record<string, () => string> = {
      'AWS::DynamoDB::Table Arn': () => arn('dynamodb', `table/${this.#ref(id)}`),
      'AWS::DynamoDB::Table StreamArn': () => arn('dynamodb', `table/${this.#ref(id)}/stream/1`),
      'AWS::S3::Bucket Arn': () => `arn:aws:s3:::${this.#ref(id)}`,
      'AWS::SQS::Queue Arn': () => arn('sqs', this.#ref(id)),
      'AWS::IAM::Role Arn': () => `arn:aws:iam::${ACCOUNT}:role/${id}`,
      'AWS::Logs::LogGroup Arn': () => arn('logs', `log-group:${this.#ref(id)}:*`),
      'AWS::Lambda::Function Arn': () => arn('lambda', `function:${this.text(Properties.FunctionName)}`),
      'AWS::Batch::JobQueue JobQueueArn': () =>
        arn('batch', `job-queue/${this.text(Properties.JobQueueName)}`),
      'AWS::Batch::JobDefinition JobDefinitionArn': () =>
        arn('batch', `job-definition/${this.text(Properties.JobDefinitionName)}:1`),
    };
    const found = arns[`${Type} ${attribute}`];
    if (!found) throw new TypeError(`${attribute} of ${id}, a ${Type}, is not known here.`);
    return found();
  }

  /** The statements of a role. Throws where one has what these tests cannot judge. */
  statements(roleId: string): Statement[] {
    const role = this.#template.Resources[roleId]!.Properties;
    if (role.ManagedPolicyArns) throw new Error(`${roleId} has managed policies, which are not known here.`);
    const documents: Json[] = [
      ...(role.Policies ?? []),
      ...ofType(this.#template, 'AWS::IAM::Policy')
        .map(([, policy]) => policy)
        .filter(({ Roles }) => Roles.some((one: Json) => one.Ref === roleId)),
    ].map(({ PolicyDocument }) => PolicyDocument);
    return this.#statements(documents);
  }

  /** The statements of a policy that is written out, as that of a session. */
  sessionStatements(policy: string): Statement[] {
    return this.#statements([JSON.parse(policy)]);
  }

  /** What the template gives a function to find its resources by. */
  variables(functionName: string): Record<string, string> {
    const [, found] = ofType(this.#template, 'AWS::Lambda::Function').find(
      ([, { FunctionName }]) => FunctionName === functionName,
    )!;
    return Object.fromEntries(
      Object.entries<Json>(found.Environment.Variables).map(([name, value]) => [name, this.text(value)]),
    );
  }

  #statements(documents: readonly Json[]): Statement[] {
    const statements = documents.flatMap(({ Statement }) =>
      Statement.map((one: Json) => this.#statement(one)),
    );
    requireKnown(statements);
    return statements;
  }

  #statement({ Effect, Action, Resource, Condition = {}, Sid: _, ...others }: Json): Statement {
    if (Object.keys(others).length > 0)
      throw new Error(`Not known here: ${Object.keys(others)} of a statement.`);
    const texts = (value: Json) => [value].flat().map((one: Json) => this.text(one));
    return {
      effect: Effect,
      actions: texts(Action),
      resources: texts(Resource),
      conditions: Object.fromEntries(
        Object.entries<Json>(Condition).map(([operator, keys]) => [
          operator,
          Object.fromEntries(Object.entries<Json>(keys).map(([key, wanted]) => [key, texts(wanted)])),
        ]),
      ),
    };
  }
}
