import { CfnBudget } from 'aws-cdk-lib/aws-budgets';
import type { ITopic } from 'aws-cdk-lib/aws-sns';
import type { Construct } from 'constructs';
import type { Names } from '../names.ts';
import { acrossRegions } from '../regional-names.ts';

export interface BudgetProps {
  readonly names: Names;
  readonly topic: ITopic;
  /** The cost of AWS in a month at which the topic is notified. The cost of Claude's API is not part of it. */
  readonly monthlyBudgetUsd: number;
}

/** Counts resources by their tag, which Billing has to activate once as a cost allocation tag. */
export function addBudget(scope: Construct, { names, topic, monthlyBudgetUsd }: BudgetProps): void {
  const environment = names.stack.replace('cody-batch-', '');
  const subscribers = [{ subscriptionType: 'SNS', address: topic.topicArn }];
  const notify = (notificationType: string, threshold: number) => ({
    notification: { notificationType, comparisonOperator: 'GREATER_THAN', threshold },
    subscribers,
  });
  new CfnBudget(scope, 'Budget', {
    budget: {
      budgetName: acrossRegions(names, 'monthly'),
      budgetType: 'COST',
      timeUnit: 'MONTHLY',
      budgetLimit: { amount: monthlyBudgetUsd, unit: 'USD' },
      costFilters: { TagKeyValue: [`user:cody-batch:environment$${environment}`] },
    },
    notificationsWithSubscribers: [notify('ACTUAL', 80), notify('FORECASTED', 100)],
  });
}
