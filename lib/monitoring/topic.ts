import { Aws } from 'aws-cdk-lib';
import { PolicyStatement, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Topic } from 'aws-cdk-lib/aws-sns';
import { EmailSubscription } from 'aws-cdk-lib/aws-sns-subscriptions';
import type { Construct } from 'constructs';
import { arnByName } from '../access.ts';
import type { Names } from '../names.ts';

export interface AlarmTopicProps {
  readonly names: Names;
  /** @default - no subscription; the topic accepts others */
  readonly alarmEmail?: string;
}

/** The topic of alarms, of rules and of the budget. Its policy replaces SNS's default one, so it names every publisher. */
export function addAlarmTopic(scope: Construct, { names, alarmEmail }: AlarmTopicProps): Topic {
  const topic = new Topic(scope, 'Alarms', { topicName: names.of('alarms'), enforceSSL: true });
  if (alarmEmail) topic.addSubscription(new EmailSubscription(alarmEmail));
  const allowPublishing = (service: string, sourceArn?: string) =>
    topic.addToResourcePolicy(
      new PolicyStatement({
        principals: [new ServicePrincipal(service)],
        actions: ['sns:Publish'],
        resources: [topic.topicArn],
        conditions: {
          StringEquals: { 'aws:SourceAccount': Aws.ACCOUNT_ID },
          ...(sourceArn && { ArnLike: { 'aws:SourceArn': sourceArn } }),
        },
      }),
    );
  allowPublishing('cloudwatch.amazonaws.com', arnByName('cloudwatch', `alarm:${names.of('*')}`));
  allowPublishing('budgets.amazonaws.com');
  // The target of a rule adds the statement for EventBridge.
  return topic;
}
