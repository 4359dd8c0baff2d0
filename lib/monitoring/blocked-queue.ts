import { EventField, Rule, RuleTargetInput } from 'aws-cdk-lib/aws-events';
import { SnsTopic } from 'aws-cdk-lib/aws-events-targets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Names } from '../names.ts';
import { runbookSection } from './runbook.ts';

export interface BlockedQueueProps {
  readonly names: Names;
  readonly topic: ITopic;
  readonly jobQueueArn: string;
  readonly runbookUrl?: string;
}

/** Batch watches the head of the queue; only the event has the reason why it cannot start. */
export function addBlockedQueueRule(scope: Construct, props: BlockedQueueProps): void {
  const { names, topic, jobQueueArn, runbookUrl } = props;
  const [job, reason] = ['$.detail.jobName', '$.detail.statusReason'].map(EventField.fromPath);
  new Rule(scope, 'QueueBlocked', {
    ruleName: names.of('queue-blocked'),
    eventPattern: {
      source: ['aws.batch'],
      detailType: ['Batch Job Queue Blocked'],
      detail: { jobQueue: [jobQueueArn] },
    },
    targets: [
      new SnsTopic(topic, {
        message: RuleTargetInput.fromText(
          `The queue of ${names.stack} is blocked by the Batch job ${job}: ${reason} What to do: ${runbookSection(runbookUrl, 'queue-blocked')}`,
        ),
      }),
    ],
  });
}
