import { commandSecretPart } from '../../core/command-secrets.ts';
import { artifactKeys } from '../../core/store/artifact-keys.ts';
import { runArtifactKeys } from '../../core/store/run-artifact-keys.ts';
import { controlKey } from '../../core/store/tables.ts';

/** The parts of the policy that differ between workers and environments. */
export type WorkerSession = {
  jobId: string;
  repositoryName: string;
  run: number;
  /** The run whose conversation and patch it continues. */
  from?: number | undefined;
  partition: string;
  artifactsBucket: string;
  /** ARNs of the secrets that every worker reads. */
  secretArns: readonly string[];
  bedrock: boolean;
};

/**
 * The session policy of a worker. A session may do what both this policy and the role of worker sessions allow: the role
 * limits tables, attributes and artifact names; this policy limits job, repository and run. IAM allows 2,048 characters:
 * https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function workSessionPolicy(session: WorkerSession): string {
  const { jobId, repositoryName, run, from, partition, artifactsBucket, secretArns, bedrock } = session;
  const object = (key: string) => `arn:${partition}:s3:::${artifactsBucket}/${key}`;
  const folder = (of: number) => object(`${runArtifactKeys({ jobId, repositoryName, run: of }).folder}*`);
  return policyOf(
    allow(['s3:GetObject', 's3:PutObject'], [folder(run)]),
    allow(['s3:GetObject'], [object(`${artifactKeys.runRequests(jobId)}*`), ...(from ? [folder(from)] : [])]),
    {
      ...allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['*']),
      Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [jobId, controlKey(jobId)] } },
    },
    allow(['secretsmanager:GetSecretValue'], secretArns),
    ...(bedrock ? [allow(['bedrock:InvokeModelWithResponseStream'], ['*'])] : []),
  );
}

/**
 * A policy that allows one secret for `setup` and nothing else: the ARNs of the 20 that a job may name would not fit into
 * one policy. The role names each secret exactly, so the unique end of the name is enough here.
 */
export function commandSecretPolicy(partition: string, name: string): string {
  const resource = `arn:${partition}:secretsmanager:*:*:secret:*-${commandSecretPart(name)}-??????`;
  return policyOf(allow(['secretsmanager:GetSecretValue'], [resource]));
}

const allow = (Action: readonly string[], Resource: readonly string[]) => ({
  Effect: 'Allow',
  Action,
  Resource,
});

function policyOf(...Statement: object[]): string {
  return JSON.stringify({ Version: '2012-10-17', Statement });
}
