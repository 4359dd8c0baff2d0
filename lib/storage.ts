import { Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  type AttributeType,
  BillingMode,
  type Attribute as CdkAttribute,
  ProjectionType,
  StreamViewType,
  Table,
} from 'aws-cdk-lib/aws-dynamodb';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  HttpMethods,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { Construct } from 'constructs';
import { JOBS_TABLE, REPOSITORIES_TABLE, TTL_ATTRIBUTE } from '../core/store/tables.ts';
import type { Names } from './names.ts';
import { bucketName } from './regional-names.ts';

/** A run on a job's last day may still write, and Reconcile may fail for weeks before the fault is noticed. */
const BACKSTOP_DAYS = 90;

export interface StorageProps {
  readonly names: Names;
  /** Whether data outlives the stack. */
  readonly keepData: boolean;
  readonly deletionProtection: boolean;
  /** The setting RESULT_DAYS, after which results are removed. */
  readonly resultDays: number;
}

/** Two tables for what is queried, and a bucket for large documents (the artifacts). */
export class Storage extends Construct {
  readonly jobsTable: Table;
  readonly repositoriesTable: Table;
  readonly artifacts: Bucket;
  /** Access logs of S3 and CloudFront. */
  readonly accessLogs: Bucket;

  constructor(
    scope: Construct,
    id: string,
    { names, keepData, deletionProtection, resultDays }: StorageProps,
  ) {
    super(scope, id);
    // Not RETAIN: a failed first deployment would leave resources whose names the second one needs.
    const removalPolicy = keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY;
    const common = { removalPolicy, protect: deletionProtection };
    this.jobsTable = this.#table('JobsTable', {
      ...common,
      name: names.of('jobs'),
      shape: JOBS_TABLE,
      isStreamed: true,
    });
    this.repositoriesTable = this.#table('RepositoriesTable', {
      ...common,
      name: names.of('repositories'),
      shape: REPOSITORIES_TABLE,
    });
    const bucket = {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      removalPolicy,
      autoDeleteObjects: !keepData,
    };
    this.accessLogs = new Bucket(this, 'AccessLogs', {
      ...bucket,
      bucketName: bucketName(names, 'access-logs'),
      // CloudFront delivers its standard logs by an ACL.
      objectOwnership: ObjectOwnership.OBJECT_WRITER,
      lifecycleRules: [{ expiration: Duration.days(90) }],
    });
    this.artifacts = new Bucket(this, 'Artifacts', {
      ...bucket,
      bucketName: bucketName(names, 'artifacts'),
      serverAccessLogsBucket: this.accessLogs,
      serverAccessLogsPrefix: 'artifacts/',
      // The page reads long documents by signed URLs. Any origin: who has such a URL can read it without a browser too.
      cors: [{ allowedMethods: [HttpMethods.GET], allowedOrigins: ['*'] }],
      lifecycleRules: [
        // Reconcile deletes expired jobs with their artifacts; this removes artifacts that it could not.
        { prefix: 'jobs/', expiration: Duration.days(resultDays + BACKSTOP_DAYS) },
        { abortIncompleteMultipartUploadAfter: Duration.days(1) },
      ],
    });
  }

  #table(
    id: string,
    options: {
      name: string;
      shape: typeof JOBS_TABLE;
      removalPolicy: RemovalPolicy;
      protect: boolean;
      /** Whether JobChanged is told of its changes. */
      isStreamed?: boolean;
    },
  ): Table {
    const { shape } = options;
    const table = new Table(this, id, {
      tableName: options.name,
      ...keysOf(shape, shape.KeySchema),
      billingMode: BillingMode.PAY_PER_REQUEST,
      pointInTimeRecoverySpecification: { pointInTimeRecoveryEnabled: true },
      timeToLiveAttribute: TTL_ATTRIBUTE,
      deletionProtection: options.protect,
      removalPolicy: options.removalPolicy,
      ...(options.isStreamed && { stream: StreamViewType.NEW_AND_OLD_IMAGES }),
    });
    for (const index of shape.GlobalSecondaryIndexes ?? []) {
      table.addGlobalSecondaryIndex({
        indexName: index.IndexName!,
        ...keysOf(shape, index.KeySchema),
        ...projectionOf(index.Projection),
      });
    }
    return table;
  }
}

type Shape = typeof JOBS_TABLE;
type Index = NonNullable<Shape['GlobalSecondaryIndexes']>[number];

function projectionOf(projection: Index['Projection']) {
  const { ProjectionType: type, NonKeyAttributes } = projection ?? {};
  if (type === 'INCLUDE')
    return { projectionType: ProjectionType.INCLUDE, nonKeyAttributes: [...(NonKeyAttributes ?? [])] };
  return { projectionType: type === 'ALL' ? ProjectionType.ALL : ProjectionType.KEYS_ONLY };
}

/** The keys of core/store/tables.ts, which the local DynamoDB uses too. */
function keysOf(
  { AttributeDefinitions }: Shape,
  keySchema: Shape['KeySchema'],
): { partitionKey: CdkAttribute; sortKey?: CdkAttribute } {
  const attribute = (keyType: 'HASH' | 'RANGE'): CdkAttribute | undefined => {
    const name = keySchema?.find(({ KeyType }) => KeyType === keyType)?.AttributeName;
    const type = AttributeDefinitions?.find(({ AttributeName }) => AttributeName === name)?.AttributeType;
    return name ? { name, type: type as AttributeType } : undefined;
  };
  const sortKey = attribute('RANGE');
  return { partitionKey: attribute('HASH')!, ...(sortKey && { sortKey }) };
}
