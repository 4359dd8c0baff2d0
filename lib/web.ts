import { existsSync } from 'node:fs';
import path from 'node:path';
import { Aws, DefaultStackSynthesizer, Duration, RemovalPolicy, Stack } from 'aws-cdk-lib';
import {
  CachePolicy,
  Distribution,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  type CfnBucket,
  type IBucket,
} from 'aws-cdk-lib/aws-s3';
import { BucketDeployment, CacheControl, Source } from 'aws-cdk-lib/aws-s3-deployment';
import { Construct } from 'constructs';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';

export interface WebProps {
  readonly names: Names;
  /** The built page: `index.html` and the files that it loads. */
  readonly folder: string;
  readonly accessLogs: IBucket;
  /**
   * The OIDC issuer that the page connects to.
   * @default - Cognito
   */
  readonly issuer?: string;
}

/** Whether the folder has a built page. */
export function hasPage(folder: string): boolean {
  return existsSync(path.join(folder, 'index.html'));
}

/** The page, in a bucket that only CloudFront reads. It contains no data: the page reads the API. */
export class Web extends Construct {
  readonly url: string;
  readonly #bucket: Bucket;
  readonly #distribution: Distribution;
  readonly #folder: string;

  constructor(scope: Construct, id: string, { names, folder, accessLogs, issuer }: WebProps) {
    super(scope, id);
    this.#folder = folder;
    this.#bucket = new Bucket(this, 'Frontend', {
      bucketName: names.bucket('frontend'),
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      serverAccessLogsBucket: accessLogs,
      serverAccessLogsPrefix: 'frontend/',
      // The next deployment uploads everything again.
      removalPolicy: RemovalPolicy.DESTROY,
      autoDeleteObjects: true,
    });
    this.#distribution = new Distribution(this, 'Distribution', {
      comment: names.of('cf'),
      defaultRootObject: 'index.html',
      defaultBehavior: {
        origin: S3BucketOrigin.withOriginAccessControl(this.#bucket, {
          originAccessControl: new S3OriginAccessControl(this, 'AccessControl', {
            originAccessControlName: names.acrossRegions('frontend'),
          }),
        }),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: this.#headers(names, issuer),
      },
      // Paths of the page are not objects of the bucket; index.html handles them.
      errorResponses: [403, 404].map((httpStatus) => ({
        httpStatus,
        responseHttpStatus: 200,
        responsePagePath: '/index.html',
        ttl: Duration.seconds(0),
      })),
      logBucket: accessLogs,
      logFilePrefix: 'cloudfront/',
    });
    acknowledge(this.#distribution, {
      'AwsSolutions-CFR1': 'Access is restricted by sign-in, not by country.',
      'AwsSolutions-CFR2':
        'A web ACL costs at least $5 a month. The files are static and public, and the API has throttling and an authorizer.',
      'AwsSolutions-CFR4':
        'The default certificate of cloudfront.net fixes the TLS policy; a custom domain with its own certificate can raise it.',
    });
    this.url = `https://${this.#distribution.distributionDomainName}`;
  }

  /**
   * Uploads the page and its `config.json`, which has the URLs of the API and of the sign-in. Separate from the constructor,
   * because the API's CORS needs the page's URL first.
   */
  deploy(config: Readonly<Record<string, string>>): void {
    new BucketDeployment(this, 'Page', {
      sources: [Source.asset(this.#folder), Source.jsonData('config.json', config)],
      destinationBucket: this.#bucket,
      distribution: this.#distribution,
      cacheControl: [CacheControl.noCache()],
      logGroup: new LogGroup(this, 'PageLogs', {
        retention: RetentionDays.ONE_WEEK,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    });
    this.#acknowledgeUploader();
  }

  /** CDK's function for uploads: one for the whole stack, with a role that CDK writes. */
  #acknowledgeUploader(): void {
    const stack = Stack.of(this);
    const uploader = stack.node.children.find(({ node }) =>
      node.id.startsWith('Custom::CDKBucketDeployment'),
    )!;
    const own = "CDK's function that uploads the page during a deployment; CDK writes its role.";
    const staging = `arn:<AWS::Partition>:s3:::cdk-${DefaultStackSynthesizer.DEFAULT_QUALIFIER}-assets-<AWS::AccountId>-<AWS::Region>/*`;
    const frontend = `<${stack.getLogicalId(this.#bucket.node.defaultChild as CfnBucket)}.Arn>/*`;
    const basic = 'arn:<AWS::Partition>:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole';
    acknowledge(uploader, {
      'AwsSolutions-L1': own,
      [`AwsSolutions-IAM4[Policy::${basic}]`]: own,
      ...Object.fromEntries(
        ['s3:GetBucket*', 's3:GetObject*', 's3:List*', 's3:Abort*', 's3:DeleteObject*'].map((action) => [
          `AwsSolutions-IAM5[Action::${action}]`,
          own,
        ]),
      ),
      [`AwsSolutions-IAM5[Resource::${staging}]`]: own,
      [`AwsSolutions-IAM5[Resource::${frontend}]`]: own,
      'AwsSolutions-IAM5[Resource::*]': `${own} It invalidates CloudFront's cache.`,
    });
  }

  #headers(names: Names, issuer: string | undefined): ResponseHeadersPolicy {
    const override = true;
    const api = `https://*.execute-api.${Aws.REGION}.amazonaws.com`;
    const signIn = issuer ? new URL(issuer).origin : `https://*.auth.${Aws.REGION}.amazoncognito.com`;
    return new ResponseHeadersPolicy(this, 'Headers', {
      responseHeadersPolicyName: names.acrossRegions('headers'),
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: [
            "default-src 'self'",
            `connect-src 'self' ${api} ${signIn}`,
            "img-src 'self' data:",
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
          ].join('; '),
          override,
        },
        contentTypeOptions: { override },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(365),
          includeSubdomains: true,
          override,
        },
      },
    });
  }
}
