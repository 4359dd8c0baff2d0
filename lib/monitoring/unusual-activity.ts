import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import { ReadWriteType, Trail } from 'aws-cdk-lib/aws-cloudtrail';
import { FilterPattern, LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { BlockPublicAccess, Bucket, BucketEncryption, type IBucket } from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import type { Names } from '../names.ts';
import { bucketName } from '../regional-names.ts';
import type { AlarmShape } from './alarms.ts';
import { addLogMetric } from './log-metrics.ts';

export interface UnusualActivityProps {
  readonly names: Names;
  readonly accessLogs: IBucket;
}

const ROLE = '$.userIdentity.sessionContext.sessionIssuer.arn';

/**
 * A trail of the account's calls in this region, with alarms for what an environment never does by itself: calls of its roles
 * that were denied, and its secrets read by anyone but its own roles.
 */
export class UnusualActivity extends Construct {
  readonly alarms: readonly AlarmShape[];

  constructor(scope: Construct, id: string, { names, accessLogs }: UnusualActivityProps) {
    super(scope, id);
    const logGroup = this.#addTrail(names, accessLogs);
    // CloudFormation begins the names of roles with the stack's.
    const own = `*:role/${names.of('*')}`;
    const { stringValue, any, all, notExists } = FilterPattern;
    const count = (metricName: string, pattern: ReturnType<typeof all>) =>
      addLogMetric(this, metricName, {
        namespace: names.metrics,
        logGroups: [logGroup],
        patterns: [pattern],
      });
    this.alarms = [
      {
        part: 'denied-calls',
        metric: count(
          'DeniedCalls',
          all(
            any(
              stringValue('$.errorCode', '=', 'AccessDenied*'),
              stringValue('$.errorCode', '=', '*UnauthorizedOperation'),
            ),
            stringValue(ROLE, '=', own),
          ),
        ),
        threshold: 1,
        description: 'AWS denied a call that a role of this environment made.',
      },
      {
        part: 'secrets-read',
        metric: count(
          'SecretsRead',
          all(
            stringValue('$.eventName', '=', 'GetSecretValue'),
            stringValue('$.requestParameters.secretId', '=', `*${names.of('*')}`),
            // A user has no session context, and `!=` matches no field that is absent.
            any(notExists(ROLE), stringValue(ROLE, '!=', own)),
          ),
        ),
        threshold: 1,
        description: 'A secret of this environment was read by someone else than its own roles.',
      },
    ];
  }

  #addTrail(names: Names, accessLogs: IBucket): LogGroup {
    const logGroup = new LogGroup(this, 'Logs', {
      logGroupName: `/cody-batch/${names.stack}/trail`,
      retention: RetentionDays.ONE_MONTH,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    const bucket = new Bucket(this, 'Bucket', {
      bucketName: bucketName(names, 'trail'),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: 'trail/',
      lifecycleRules: [{ expiration: Duration.days(90) }],
      removalPolicy: RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
    });
    new Trail(this, 'Trail', {
      trailName: names.of('trail'),
      bucket,
      isMultiRegionTrail: false,
      includeGlobalServiceEvents: false,
      enableFileValidation: true,
      managementEvents: ReadWriteType.ALL,
      cloudWatchLogGroup: logGroup,
      sendToCloudWatchLogs: true,
    });
    return logGroup;
  }
}
