/**
 * The part of GitHub's public schema that the product queries, without descriptions:
 * https://docs.github.com/public/fpt/schema.docs.graphql
 */
export const SCHEMA = `
scalar DateTime
scalar GitObjectID

type Query {
  repository(followRenames: Boolean = true, name: String!, owner: String!): Repository
}

type Repository {
  nameWithOwner: String!
  isArchived: Boolean!
  isDisabled: Boolean!
  defaultBranchRef: Ref
  viewerPermission: RepositoryPermission
  pullRequest(number: Int!): PullRequest
}

enum RepositoryPermission { ADMIN MAINTAIN READ TRIAGE WRITE }

type Ref {
  name: String!
}

enum PullRequestState { CLOSED MERGED OPEN }

type PullRequest {
  state: PullRequestState!
  isDraft: Boolean!
  mergedAt: DateTime
  headRefOid: GitObjectID!
  commits(after: String, before: String, first: Int, last: Int): PullRequestCommitConnection!
}

type PullRequestCommitConnection {
  nodes: [PullRequestCommit]
}

type PullRequestCommit {
  commit: Commit!
}

type Commit {
  oid: GitObjectID!
  statusCheckRollup: StatusCheckRollup
}

enum StatusState { ERROR EXPECTED FAILURE PENDING SUCCESS }

type StatusCheckRollup {
  state: StatusState!
}
`;
