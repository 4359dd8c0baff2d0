import { Stack } from 'aws-cdk-lib';
import { PolicyStatement, type PolicyStatementProps, type Role } from 'aws-cdk-lib/aws-iam';
import { flattenCfnReference } from 'cdk-nag/lib/utils/flatten-cfn-reference.js';
import { acknowledge } from './acknowledge.ts';

/** A statement of a role's policy. */
export interface Grant {
  readonly actions: readonly string[];
  readonly resources: readonly string[];
  readonly conditions?: NonNullable<PolicyStatementProps['conditions']>;
  /** Why a resource needs a wildcard, for the reviewer; a wildcard without a reason does not deploy. */
  readonly why?: string;
}

/** Adds the statements to the role, and acknowledges their wildcards. */
export function grant(role: Role, grants: readonly Grant[]): void {
  for (const { actions, resources, conditions, why } of grants) {
    if (actions.length === 0 || resources.length === 0) continue;
    role.addToPolicy(
      new PolicyStatement({
        actions: [...actions],
        resources: [...resources],
        conditions,
      }),
    );
    if (why) acknowledgeWildcards(role, resources, why);
  }
}

/** Acknowledges wildcards of statements, including those that CDK itself adds to a role. */
export function acknowledgeWildcards(role: Role, resources: readonly string[], why: string): void {
  const findings = resources
    .map((resource) => flattenCfnReference(Stack.of(role).resolve(resource)))
    .filter((resource) => resource.includes('*'))
    .map((resource) => [`AwsSolutions-IAM5[Resource::${resource}]`, why]);
  acknowledge(role, Object.fromEntries(findings));
}

/** https://docs.aws.amazon.com/service-authorization/latest/reference/ */
export const NO_RESOURCES = 'These actions do not support resource-level permissions.';
