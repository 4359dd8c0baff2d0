import { existsSync } from 'node:fs';
import path from 'node:path';
import { DefaultStackSynthesizer, Duration, Fn, RemovalPolicy, Stack } from 'aws-cdk-lib';
import type { HttpApi } from 'aws-cdk-lib/aws-apigatewayv2';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  S3OriginAccessControl,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
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
import { PAGE_ASSETS, PAGE_FILES, pagePolicy } from '../core/page.ts';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';
import { acrossRegions, bucketName } from './regional-names.ts';

export interface WebProps {
  readonly names: Names;
  /** The built page: `index.html` and the files that it loads. */
  readonly folder: string;
  readonly accessLogs: IBucket;
  /** The origins that the page connects to besides its own: those of the sign-in and of signed URLs. */
  readonly connect: readonly string[];
  /** Whether CloudFront publishes its hit ratio, which it charges for. */
  readonly cacheMetrics: boolean;
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

  constructor(scope: Construct, id: string, props: WebProps) {
    super(scope, id);
    const { names, folder, accessLogs, connect, cacheMetrics } = props;
    this.#folder = folder;
    this.#bucket = new Bucket(this, 'Frontend', {
      bucketName: bucketName(names, 'frontend'),
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
            originAccessControlName: acrossRegions(names, 'frontend'),
          }),
        }),
        viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS,
        cachePolicy: CachePolicy.CACHING_OPTIMIZED,
        responseHeadersPolicy: this.#headers(names, connect),
        functionAssociations: [
          { function: this.#addresses(names), eventType: FunctionEventType.VIEWER_REQUEST },
        ],
      },
      logBucket: accessLogs,
      logFilePrefix: 'cloudfront/',
      publishAdditionalMetrics: cacheMetrics,
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

  get distributionId(): string {
    return this.#distribution.distributionId;
  }

  /**
   * Serves the API below `/api`, so that the page calls its own origin. Separate from the constructor, because the API's
   * sign-in needs the page's URL first.
   */
  addApi({ apiEndpoint }: HttpApi): void {
    this.#distribution.addBehavior('/api/*', new HttpOrigin(Fn.select(2, Fn.split('/', apiEndpoint))), {
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      // All headers but Host, which API Gateway would not know.
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    });
  }

  /**
   * Uploads the page and its `config.json`. Nothing is removed: a page that is open during a deployment still loads the
   * parts of its own version.
   */
  deploy(config: Readonly<Record<string, string>>): void {
    const common = {
      destinationBucket: this.#bucket,
      prune: false,
      logGroup: new LogGroup(this, 'PageLogs', {
        retention: RetentionDays.ONE_WEEK,
        removalPolicy: RemovalPolicy.DESTROY,
      }),
    };
    const assets = new BucketDeployment(this, 'Assets', {
      ...common,
      sources: [Source.asset(this.#folder)],
      exclude: ['*'],
      include: [`${PAGE_ASSETS.slice(1)}*`],
      // The digest in the name changes with the content.
      cacheControl: [CacheControl.fromString('public, max-age=31536000, immutable')],
    });
    const page = new BucketDeployment(this, 'Page', {
      ...common,
      sources: [Source.asset(this.#folder), Source.jsonData('config.json', config)],
      exclude: [`${PAGE_ASSETS.slice(1)}*`],
      distribution: this.#distribution,
      cacheControl: [CacheControl.noCache()],
    });
    // The document names the assets, so they have to be there first.
    page.node.addDependency(assets);
    this.#acknowledgeUploader();
  }

  /** Every address within the page is its document. A file that is not there stays an error, and is never HTML. */
  #addresses(names: Names): EdgeFunction {
    return new EdgeFunction(this, 'Addresses', {
      functionName: acrossRegions(names, 'addresses'),
      runtime: FunctionRuntime.JS_2_0,
      code: FunctionCode.fromInline(
        `const files = ${JSON.stringify(PAGE_FILES)};
function handler(event) {
  const request = event.request;
  if (!request.uri.startsWith('${PAGE_ASSETS}') && !files.includes(request.uri)) request.uri = '/index.html';
  return request;
}`,
      ),
    });
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

  #headers(names: Names, connect: readonly string[]): ResponseHeadersPolicy {
    const override = true;
    return new ResponseHeadersPolicy(this, 'Headers', {
      responseHeadersPolicyName: acrossRegions(names, 'headers'),
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: pagePolicy(connect),
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
