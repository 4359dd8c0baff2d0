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

type Mutation {
  enablePullRequestAutoMerge(input: EnablePullRequestAutoMergeInput!): EnablePullRequestAutoMergePayload
}

type AutoMergeRequest {
  mergeMethod: PullRequestMergeMethod!
}

enum PullRequestMergeMethod { MERGE REBASE SQUASH }

input EnablePullRequestAutoMergeInput {
  pullRequestId: ID!
  mergeMethod: PullRequestMergeMethod = MERGE
  expectedHeadOid: GitObjectID
}

type EnablePullRequestAutoMergePayload {
  pullRequest: PullRequest
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
  target: GitObject
}

interface GitObject {
  oid: GitObjectID!
}

interface Actor {
  login: String!
}

type User implements Actor {
  login: String!
}

input IssueCommentOrder {
  direction: OrderDirection!
  field: IssueCommentOrderField!
}

enum OrderDirection { ASC DESC }
enum IssueCommentOrderField { UPDATED_AT }

type IssueCommentConnection {
  nodes: [IssueComment]
}

type IssueComment {
  author: Actor
  body: String!
  createdAt: DateTime!
}

enum PullRequestReviewState { APPROVED CHANGES_REQUESTED COMMENTED DISMISSED PENDING }

type PullRequestReviewConnection {
  nodes: [PullRequestReview]
}

type PullRequestReview {
  author: Actor
  body: String!
  submittedAt: DateTime
  comments(after: String, before: String, first: Int, last: Int): PullRequestReviewCommentConnection!
}

type PullRequestReviewCommentConnection {
  nodes: [PullRequestReviewComment]
}

type PullRequestReviewComment {
  path: String!
  line: Int
  body: String!
}

enum PullRequestState { CLOSED MERGED OPEN }

type PullRequest {
  state: PullRequestState!
  isDraft: Boolean!
  mergedAt: DateTime
  headRefOid: GitObjectID!
  baseRef: Ref
  autoMergeRequest: AutoMergeRequest
  comments(after: String, before: String, first: Int, last: Int, orderBy: IssueCommentOrder): IssueCommentConnection!
  reviews(after: String, author: String, before: String, first: Int, last: Int, states: [PullRequestReviewState!]): PullRequestReviewConnection
  commits(after: String, before: String, first: Int, last: Int): PullRequestCommitConnection!
}

type PullRequestCommitConnection {
  nodes: [PullRequestCommit]
}

type PullRequestCommit {
  commit: Commit!
}

type Commit implements GitObject {
  oid: GitObjectID!
  statusCheckRollup: StatusCheckRollup
}

enum StatusState { ERROR EXPECTED FAILURE PENDING SUCCESS }

type StatusCheckRollup {
  state: StatusState!
  contexts(after: String, before: String, first: Int, last: Int): StatusCheckRollupContextConnection!
}

type StatusCheckRollupContextConnection {
  nodes: [StatusCheckRollupContext]
}

union StatusCheckRollupContext = CheckRun | StatusContext

scalar URI

enum CheckStatusState { COMPLETED IN_PROGRESS PENDING QUEUED REQUESTED WAITING }
enum CheckConclusionState { ACTION_REQUIRED CANCELLED FAILURE NEUTRAL SKIPPED STALE STARTUP_FAILURE SUCCESS TIMED_OUT }
enum CheckAnnotationLevel { FAILURE NOTICE WARNING }

type CheckRun {
  name: String!
  status: CheckStatusState!
  conclusion: CheckConclusionState
  title: String
  summary: String
  text: String
  detailsUrl: URI
  annotations(after: String, before: String, first: Int, last: Int): CheckAnnotationConnection
}

type CheckAnnotationConnection {
  nodes: [CheckAnnotation]
}

type CheckAnnotation {
  path: String!
  message: String!
  title: String
  annotationLevel: CheckAnnotationLevel
  location: CheckAnnotationSpan!
}

type CheckAnnotationSpan {
  start: CheckAnnotationPosition!
}

type CheckAnnotationPosition {
  line: Int!
}

type StatusContext {
  context: String!
  state: StatusState!
  description: String
}
`;
