import { wildcard } from '../../local/logs/filter-pattern.ts';
import { flat, type Json, ofType, type Template } from './synthesized.ts';

const ACCOUNT = '<AWS::AccountId>';

/** Whether the policy of a topic lets a service of this account publish over TLS for a resource, such as an alarm. */
export function mayPublish(
  template: Template,
  topic: string,
  { service, sourceArn }: { service: string; sourceArn: string },
): boolean {
  const context: Record<string, string> = {
    'aws:SourceAccount': ACCOUNT,
    'aws:SourceArn': sourceArn,
    'aws:SecureTransport': 'true',
  };
  const statements = ofType(template, 'AWS::SNS::TopicPolicy')
    .map(([, properties]) => properties)
    .filter(({ Topics }) => Topics.map(flat).includes(topic))
    .flatMap(({ PolicyDocument }) => PolicyDocument.Statement)
    .filter((statement: Json) => applies(statement, service, topic, context));
  const effects = statements.map(({ Effect }: Json) => Effect);
  return effects.includes('Allow') && !effects.includes('Deny');
}

function applies(
  { Principal, Action, Resource, Condition = {} }: Json,
  service: string,
  topic: string,
  context: Record<string, string>,
): boolean {
  return (
    (Principal === '*' || [Principal.Service].flat().includes(service)) &&
    [Action].flat().includes('sns:Publish') &&
    [Resource].flat().map(flat).includes(topic) &&
    Object.entries<Json>(Condition).every(([operator, keys]) =>
      Object.entries<Json>(keys).every(([key, expected]) =>
        holds(operator, context[key], [expected].flat().map(flat)),
      ),
    )
  );
}

function holds(operator: string, value: string | undefined, expected: readonly string[]): boolean {
  if (value === undefined) return false;
  if (operator === 'StringEquals' || operator === 'Bool') return expected.includes(value);
  if (operator === 'ArnLike') return expected.some((pattern) => wildcard(pattern).test(value));
  throw new TypeError(`Unknown condition: ${operator}`);
}
