import { Aws, Duration, RemovalPolicy } from 'aws-cdk-lib';
import {
  CfnUserPoolGroup,
  FeaturePlan,
  Mfa,
  OAuthScope,
  ResourceServerScope,
  UserPool,
  type UserPoolClient,
} from 'aws-cdk-lib/aws-cognito';
import { Construct } from 'constructs';
import { ROLES, SCOPE_PREFIX } from '../core/roles.ts';
import { SIGN_IN_ADDRESSES } from '../core/sign-in.ts';
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';

export interface SignInProps {
  readonly names: Names;
  readonly keepData: boolean;
  readonly deletionProtection: boolean;
  /**
   * The URL of the page, where people sign in.
   * @default - no page; people get their tokens on the command line
   */
  readonly pageUrl?: string;
  /** Whether there is a client for machines, which Cognito charges for. */
  readonly machineClient: boolean;
}

/**
 * Cognito as the issuer of tokens, if no other OIDC issuer is configured. The roles of people are groups (claim
 * `cognito:groups`), which an administrator assigns; those of a machine are scopes (claim `scope`), `cody-batch/{role}`.
 */
export class SignIn extends Construct {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly userPoolId: string;
  /** Tokens are issued at `{domainUrl}/oauth2/token`. */
  readonly domainUrl: string;
  /** The client of people, on the page and on the command line. */
  readonly clientId: string;
  readonly machineClientId: string | undefined;

  constructor(scope: Construct, id: string, props: SignInProps) {
    super(scope, id);
    const pool = this.#userPool(props);
    for (const [index, [groupName, description]] of Object.entries(ROLES).reverse().entries()) {
      new CfnUserPoolGroup(this, groupName, {
        userPoolId: pool.userPoolId,
        groupName,
        description,
        precedence: index,
      });
    }
    const domain = pool.addDomain('Domain', {
      cognitoDomain: { domainPrefix: domainPrefix(props.names) },
    });
    const people = this.#peopleClient(pool, props);
    const machine = props.machineClient ? this.#machineClient(pool, props) : undefined;
    this.userPoolId = pool.userPoolId;
    this.issuer = `https://cognito-idp.${Aws.REGION}.amazonaws.com/${pool.userPoolId}`;
    this.domainUrl = domain.baseUrl();
    this.clientId = people.userPoolClientId;
    this.machineClientId = machine?.userPoolClientId;
    this.audience = [people, machine].flatMap((client) => client?.userPoolClientId ?? []);
  }

  #userPool({ names, keepData, deletionProtection }: SignInProps): UserPool {
    const pool = new UserPool(this, 'UserPool', {
      userPoolName: names.of('users'),
      selfSignUpEnabled: false,
      signInAliases: { email: true },
      mfa: Mfa.REQUIRED,
      // An authenticator application. Text messages cost, and can be intercepted.
      mfaSecondFactor: { otp: true, sms: false },
      passwordPolicy: {
        minLength: 12,
        requireLowercase: true,
        requireUppercase: true,
        requireDigits: true,
        requireSymbols: true,
      },
      featurePlan: FeaturePlan.ESSENTIALS,
      deletionProtection,
      removalPolicy: keepData ? RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE : RemovalPolicy.DESTROY,
    });
    acknowledge(pool, {
      'AwsSolutions-COG8':
        'The Plus tier is priced per active user. Users cannot sign up by themselves, and all have a second factor; an organization that needs more can configure another OIDC issuer.',
    });
    return pool;
  }

  #machineClient(pool: UserPool, { names }: SignInProps): UserPoolClient {
    const scopes = Object.entries(ROLES).map(
      ([scopeName, scopeDescription]) => new ResourceServerScope({ scopeName, scopeDescription }),
    );
    const server = pool.addResourceServer('Api', { identifier: SCOPE_PREFIX.slice(0, -1), scopes });
    const runner = scopes.find(({ scopeName }) => scopeName === 'runner')!;
    return pool.addClient('MachineClient', {
      userPoolClientName: names.of('machine'),
      generateSecret: true,
      oAuth: {
        flows: { clientCredentials: true },
        scopes: [OAuthScope.resourceServer(server, runner)],
      },
      accessTokenValidity: Duration.hours(1),
    });
  }

  #peopleClient(pool: UserPool, { names, pageUrl }: SignInProps): UserPoolClient {
    return pool.addClient('PeopleClient', {
      userPoolClientName: names.of('people'),
      generateSecret: false,
      // Password and one-time code: the way to get a token without a page (docs/aws.md).
      authFlows: { userPassword: true },
      oAuth: {
        flows: { authorizationCodeGrant: true },
        scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
        callbackUrls: [...(pageUrl ? [`${pageUrl}/`] : []), ...SIGN_IN_ADDRESSES],
        ...(pageUrl && { logoutUrls: [`${pageUrl}/`] }),
      },
      preventUserExistenceErrors: true,
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.hours(12),
    });
  }
}

function domainPrefix(names: Names): string {
  return `${names.stack}-${Aws.ACCOUNT_ID}`;
}

/** The origins that a page signs in at: the tokens of this user pool, and the discovery of its region. */
export function signInOrigins(names: Names): string[] {
  return [
    `https://${domainPrefix(names)}.auth.${Aws.REGION}.amazoncognito.com`,
    `https://cognito-idp.${Aws.REGION}.amazonaws.com`,
  ];
}
