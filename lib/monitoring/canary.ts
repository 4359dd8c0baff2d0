import { Duration } from 'aws-cdk-lib';
import type { Metric } from 'aws-cdk-lib/aws-cloudwatch';
import { Rule, RuleTargetInput, Schedule } from 'aws-cdk-lib/aws-events';
import { LambdaFunction as FunctionTarget } from 'aws-cdk-lib/aws-events-targets';
import { FilterPattern } from 'aws-cdk-lib/aws-logs';
import { Construct } from 'constructs';
import { CHECK_FAILED } from '../../lambdas/canary/canary.ts';
import type { FunctionBundle } from '../bundles.ts';
import { type FunctionSetting, LambdaFunction } from '../lambda-function.ts';
import type { AlarmShape } from './alarms.ts';
import { addLogMetric } from './log-metrics.ts';
import { PERIOD } from './metrics.ts';

export interface CanaryProps extends FunctionSetting {
  readonly bundle: FunctionBundle;
  readonly apiUrl: string;
  /** @default - no page is deployed */
  readonly pageUrl?: string;
}

/** A function that asks the API's health and the page every five minutes, as a browser would, from outside. */
export class Canary extends Construct {
  readonly function: LambdaFunction;
  readonly alarms: readonly AlarmShape[];

  constructor(scope: Construct, id: string, props: CanaryProps) {
    super(scope, id);
    const { names, apiUrl, pageUrl } = props;
    this.function = new LambdaFunction(this, 'Function', {
      ...props,
      access: {},
      timeout: Duration.seconds(60),
      memoryMiB: 256,
    });
    new Rule(this, 'Rule', {
      ruleName: names.of('canary'),
      schedule: Schedule.rate(PERIOD),
      targets: [
        new FunctionTarget(this.function, {
          // The next invocation asks again.
          retryAttempts: 0,
          event: RuleTargetInput.fromObject({
            checks: [
              { check: 'health', url: `${apiUrl}/health` },
              ...(pageUrl ? [{ check: 'page', url: `${pageUrl}/` }] : []),
            ],
          }),
        }),
      ],
    });
    this.alarms = [
      this.#alarm(
        'api-health',
        'health',
        props.names.metrics,
        'The API does not answer, or says that it fails.',
      ),
      ...(pageUrl ? [this.#alarm('page', 'page', names.metrics, 'The page does not load.')] : []),
    ];
  }

  #alarm(part: string, check: string, namespace: string, description: string): AlarmShape {
    // A single failure may be a deployment.
    return { part, metric: this.#failing(check, namespace), threshold: 1, periods: 2, description };
  }

  #failing(check: string, namespace: string): Metric {
    return addLogMetric(this, check === 'page' ? 'PageFailing' : 'HealthFailing', {
      namespace,
      logGroups: [this.function.logGroup],
      patterns: [
        FilterPattern.all(
          FilterPattern.stringValue('$.message', '=', CHECK_FAILED),
          FilterPattern.stringValue('$.check', '=', check),
        ),
      ],
    });
  }
}
