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
import { acknowledge } from './acknowledge.ts';
import type { Names } from './names.ts';

export interface SignInProps {
  readonly names: Names;
  readonly keepData: boolean;
  readonly deletionProtection: boolean;
  /**
   * The page, which people sign in on.
   * @default - no page: people get their tokens on the command line
   */
  readonly pageUrl?: string;
  /** Whether a machine gets a client of its own, which Cognito charges for. */
  readonly machineClient: boolean;
}

/**
 * Who may call the API, where no OIDC issuer of one's own is given: people in groups (claim `cognito:groups`), made by
 * an administrator, and a machine whose scopes (claim `scope`) are `cody-batch/{role}`.
 */
export class SignIn extends Construct {
  readonly issuer: string;
  readonly audience: readonly string[];
  readonly userPoolId: string;
  /** Where tokens are had: `{domainUrl}/oauth2/token`. */
  readonly domainUrl: string;
  /** People's, on the page and on the command line. */
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
      cognitoDomain: { domainPrefix: `${props.names.stack}-${Aws.ACCOUNT_ID}` },
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
      // An application on the phone, not a text message: those cost, and can be diverted.
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
        'The Plus tier is priced for each active user. Nobody signs up by themselves here, and everybody has a second factor; an organisation that wants more gives its own OIDC issuer.',
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
      // By password and one-time code: how a token is had without a page (docs/aws.md).
      authFlows: { userPassword: true },
      disableOAuth: !pageUrl,
      ...(pageUrl && {
        oAuth: {
          flows: { authorizationCodeGrant: true },
          scopes: [OAuthScope.OPENID, OAuthScope.EMAIL],
          callbackUrls: [`${pageUrl}/`],
          logoutUrls: [`${pageUrl}/`],
        },
      }),
      preventUserExistenceErrors: true,
      accessTokenValidity: Duration.hours(1),
      idTokenValidity: Duration.hours(1),
      refreshTokenValidity: Duration.hours(12),
    });
  }
}
