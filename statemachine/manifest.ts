/**
 * 10,000 names do not fit into a state of 256 KiB: a step hands over a manifest in the artifact store, and this is what
 * the state keeps of its answer.
 */
export const MANIFEST = {
  'key.$': '$.Payload.key',
  'prefix.$': '$.Payload.prefix',
  'concurrency.$': '$.Payload.concurrency',
  'count.$': '$.Payload.count',
};

/** The input of each child of a Map over pull requests. */
export const EACH_PULL_REQUEST = {
  ItemSelector: {
    'jobId.$': '$.jobId',
    'run.$': '$.run',
    'repositoryName.$': '$$.Map.Item.Value.repositoryName',
  },
};

/** How the Maps read their items, bound themselves and leave their results: one failed repository fails no other. */
export function manifestOf(manifest: string) {
  return {
    ItemReader: {
      Resource: 'arn:aws:states:::s3:getObject',
      ReaderConfig: { InputType: 'JSON' as const },
      Parameters: { Bucket: '${ArtifactsBucket}', 'Key.$': `${manifest}.key` },
    },
    MaxConcurrencyPath: `${manifest}.concurrency`,
    ToleratedFailurePercentage: 100,
    ResultWriter: {
      Resource: 'arn:aws:states:::s3:putObject',
      Parameters: { Bucket: '${ArtifactsBucket}', 'Prefix.$': `${manifest}.prefix` },
    },
    ResultPath: null,
  };
}
