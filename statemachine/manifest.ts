/**
 * The state's reference to a manifest in the artifact store: 10,000 names would not fit into a state, which has at most
 * 256 KiB.
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
    'operation.$': '$$.Map.Item.Value.operation',
    'patchSha.$': '$$.Map.Item.Value.patchSha',
    'request.$': '$$.Map.Item.Value.request',
  },
};

/** The reader, concurrency and result writer of a Map. A failed child does not fail the others. */
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
