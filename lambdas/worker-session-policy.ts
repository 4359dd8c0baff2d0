import { commandSecretPart } from '../core/command-secrets.ts';
import { artifactKeys } from '../core/store/artifact-keys.ts';
import { controlKey } from '../core/store/tables.ts';

/** Of one worker, as the session's policy names it. */
export type WorkerSession = {
  jobId: string;
  repositoryName: string;
  partition: string;
  artifactsBucket: string;
  /** ARNs of the secrets that every worker reads. */
  secretArns: readonly string[];
  bedrock: boolean;
};

/**
 * What a worker of this job and repository may do, of all that the role of worker sessions may: a session has what both
 * allow. So the role says which tables, which attributes and which names of artifacts, and this says whose. IAM takes
 * 2,048 characters: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
 */
export function workSessionPolicy(session: WorkerSession): string {
  const { jobId, repositoryName, partition, artifactsBucket, secretArns, bedrock } = session;
  const object = (key: string) => `arn:${partition}:s3:::${artifactsBucket}/${key}`;
  return policyOf(
    allow(['s3:GetObject', 's3:PutObject'], [object(`${artifactKeys.repository(jobId, repositoryName)}*`)]),
    allow(['s3:GetObject'], [object(artifactKeys.request(jobId))]),
    {
      ...allow(['dynamodb:GetItem', 'dynamodb:UpdateItem'], ['*']),
      Condition: { 'ForAllValues:StringEquals': { 'dynamodb:LeadingKeys': [jobId, controlKey(jobId)] } },
    },
    allow(['secretsmanager:GetSecretValue'], secretArns),
    ...(bedrock ? [allow(['bedrock:InvokeModelWithResponseStream'], ['*'])] : []),
  );
}

/**
 * Reads one secret for `setup`, and nothing else. A job may name 20 of them, whose ARNs would not fit into one policy. The
 * role names each secret exactly; here the name's end suffices, which is the same for no two.
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
