import type { IncomingMessage } from 'node:http';
import { buildSchema, execute, GraphQLError, type GraphQLSchema, parse, validate } from 'graphql';
import { z } from 'zod';
import { LOCAL_USER } from '../accounts/accounts.ts';
import type { Caller } from '../accounts/caller.ts';
import type { Role } from '../accounts/roles.ts';
import type { GitHub } from '../github.ts';
import type { PullRecord } from '../pulls/pull-requests.ts';
import type { Checks } from '../repositories/check-store.ts';
import type { Repository } from '../repositories/repository.ts';
import { latest, rollup } from '../repositories/rollup.ts';
import type { Answer } from '../rest/call.ts';
import { GitHubError } from '../rest/github-error.ts';
import { callersRole, requireAccess } from '../strict/access.ts';
import { SCHEMA } from './graphql-schema.ts';

const requestBody = z.object({
  query: z.string(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  operationName: z.string().nullish(),
});

/** The operations that are served; any other is refused with 501, as is an unknown REST route. */
const OPERATIONS: ReadonlySet<string> = new Set([
  'Repositories',
  'PullRequests',
  'Feedback',
  'EnableAutoMerge',
]);

let built: GraphQLSchema | undefined;

/** An error with GitHub's `type`, by which clients recognize it. */
class TypedError extends GraphQLError {
  readonly type: string;

  constructor(type: string, message: string) {
    super(message);
    this.type = type;
  }
}

/** Answers `POST /api/graphql`. */
export async function answerGraphQL(
  github: GitHub,
  request: IncomingMessage,
  readBody: () => Promise<unknown>,
): Promise<Answer> {
  const caller = github.credentials.identify(request.headers);
  if (request.method !== 'POST') throw new GitHubError(404, 'Not Found');
  if (caller.kind === 'anonymous')
    throw new GitHubError(401, 'This endpoint requires you to be authenticated.');
  github.limits.admit(caller.account, { writes: false, createsContent: false });
  const body = requestBody.safeParse(await readBody());
  if (!body.success) throw new GitHubError(400, 'A query attribute must be specified and must be a string.');
  const answer = await perform(github, caller, body.data);
  github.limits.spend(caller.account);
  return { status: 200, body: answer, headers: github.limits.headers(caller.account) };
}

async function perform(github: GitHub, caller: Caller, { query, variables }: z.infer<typeof requestBody>) {
  built ??= buildSchema(SCHEMA);
  let document: ReturnType<typeof parse>;
  try {
    document = parse(query);
  } catch (error) {
    return { errors: [(error as GraphQLError).toJSON()] };
  }
  const operations = document.definitions.flatMap((one) => (one.kind === 'OperationDefinition' ? [one] : []));
  const name = operations[0]?.name?.value;
  if (operations.length !== 1 || !name || !OPERATIONS.has(name))
    throw new GitHubError(
      501,
      `The local GitHub does not implement ${name ? `the GraphQL operation ${name}` : 'GraphQL operations without a name'}`,
    );
  const faults = validate(built, document);
  if (faults.length > 0) return { errors: faults.map((fault) => fault.toJSON()) };
  const { data, errors } = await execute({
    schema: built,
    document,
    rootValue: rootFor(github, caller),
    variableValues: variables ?? {},
  });
  const shown = errors?.map((error) => ({ ...typeOf(error), ...error.toJSON() }));
  return { data, ...(shown && { errors: shown }) };
}

function typeOf({ originalError }: GraphQLError): { type?: string } {
  if (originalError instanceof TypedError) return { type: originalError.type };
  return originalError instanceof GitHubError ? { type: 'FORBIDDEN' } : {};
}

function rootFor(github: GitHub, caller: Caller) {
  return {
    enablePullRequestAutoMerge: ({ input }: { input: AutoMerge }) => enableAutoMerge(github, caller, input),
    repository({ owner, name, followRenames }: { owner: string; name: string; followRenames: boolean }) {
      const { repositories } = github;
      const found =
        repositories.find(owner, name) ?? (followRenames ? repositories.findRenamed(owner, name) : undefined);
      if (!found || !callersRole(caller, found))
        throw new TypedError(
          'NOT_FOUND',
          `Could not resolve to a Repository with the name '${owner}/${name}'.`,
        );
      return repositoryOf(github, caller, found);
    },
  };
}

type AutoMerge = {
  pullRequestId: string;
  mergeMethod: 'MERGE' | 'REBASE' | 'SQUASH';
  expectedHeadOid?: string | null;
};

async function enableAutoMerge(github: GitHub, caller: Caller, input: AutoMerge) {
  const { pullRequestId, mergeMethod, expectedHeadOid } = input;
  const [, id] = /^PullRequest:(\d+)$/.exec(Buffer.from(pullRequestId, 'base64url').toString()) ?? [];
  const repository = github.repositories.findById(Math.floor(Number(id) / 1_000_000));
  const number = Number(id) % 1_000_000;
  const found = await repository?.pulls.find(number);
  if (!repository || !found || !callersRole(caller, repository))
    throw new TypedError('NOT_FOUND', `Could not resolve to a node with the global id of '${pullRequestId}'`);
  requireAccess(caller, repository, 'pull_requests=write,contents=write');
  const refuse = (why: string) => new TypedError('UNPROCESSABLE', why);
  if (!repository.record.allowAutoMerge) throw refuse('Auto merge is not allowed for this repository');
  if (rollup(await repository.checks.read(found.head.sha)) === 'SUCCESS')
    throw refuse('Pull request is in clean status');
  const by = caller.login ?? LOCAL_USER;
  const pull = await repository.pulls.change(number, async ({ state, head }) => {
    if (state !== 'open') throw refuse('Pull request is closed');
    if (expectedHeadOid && expectedHeadOid !== head.sha)
      throw refuse('Head sha does not match the expected head sha');
    return { autoMerge: { method: mergeMethod.toLowerCase() as 'merge' | 'rebase' | 'squash', by } };
  });
  return { pullRequest: pullRequestOf(caller, repository, pull!) };
}

const PERMISSIONS: Readonly<Record<Role, string>> = {
  pull: 'READ',
  triage: 'TRIAGE',
  push: 'WRITE',
  maintain: 'MAINTAIN',
  admin: 'ADMIN',
};

function repositoryOf({ disabled }: GitHub, caller: Caller, repository: Repository) {
  const { fullName, record } = repository;
  return {
    nameWithOwner: fullName,
    isArchived: record.archived,
    isDisabled: disabled.has(fullName.toLowerCase()),
    defaultBranchRef: async () =>
      (await repository.isEmpty()) ? null : { name: await repository.defaultBranch() },
    viewerPermission: PERMISSIONS[callersRole(caller, repository)!],
    async pullRequest({ number }: { number: number }) {
      requireAccess(caller, repository, 'pull_requests=read');
      const pull = await repository.pulls.find(number);
      if (!pull)
        throw new TypedError('NOT_FOUND', `Could not resolve to a PullRequest with the number of ${number}.`);
      return pullRequestOf(caller, repository, pull);
    },
  };
}

type Page = { first?: number; last?: number };

function pullRequestOf(caller: Caller, repository: Repository, pull: PullRecord) {
  const commit = commitOf(caller, repository, pull.head.sha);
  return {
    state: pull.mergedAt ? 'MERGED' : pull.state === 'open' ? 'OPEN' : 'CLOSED',
    isDraft: pull.draft,
    mergedAt: pull.mergedAt,
    headRefOid: pull.head.sha,
    autoMergeRequest: pull.autoMerge && { mergeMethod: pull.autoMerge.method.toUpperCase() },
    baseRef: { name: pull.base.ref, target: commitOf(caller, repository, pull.base.sha) },
    commits({ first, last }: Page) {
      if (first !== undefined || last !== 1)
        throw new GraphQLError(
          'The local GitHub returns only the last commit of a pull request. Ask for commits(last: 1).',
        );
      return { nodes: [{ commit }] };
    },
    comments: (page: Page) => ({
      nodes: pageOf(pull.comments, page).map(({ author, ...comment }) => ({
        ...comment,
        author: actor(author),
      })),
    }),
    reviews: (page: Page) => ({
      nodes: pageOf(pull.reviews, page).map(({ author, comments, ...review }) => ({
        ...review,
        author: actor(author),
        comments: (inner: Page) => ({ nodes: pageOf(comments, inner) }),
      })),
    }),
  };
}

const actor = (login: string) => ({ __typename: 'User', login });

function pageOf<T>(items: readonly T[], { first, last }: Page): T[] {
  if ((first === undefined) === (last === undefined))
    throw new GraphQLError('You must provide a `first` or `last` value to properly paginate the connection.');
  return first === undefined ? items.slice(-last!) : items.slice(0, first);
}

function commitOf(caller: Caller, repository: Repository, oid: string) {
  return {
    __typename: 'Commit',
    oid,
    async statusCheckRollup() {
      requireAccess(caller, repository, 'checks=read,statuses=read');
      const checks = await repository.checks.read(oid);
      const state = rollup(checks);
      if (!state) return null;
      return { state, contexts: (page: Page) => ({ nodes: pageOf(contextsOf(checks), page) }) };
    },
  };
}

function contextsOf({ checkRuns, statuses }: Checks): object[] {
  return [
    ...latest(checkRuns, ({ name }) => name).map((run) => ({
      __typename: 'CheckRun',
      ...run,
      status: run.status.toUpperCase(),
      conclusion: run.conclusion?.toUpperCase() ?? null,
      annotations: (page: Page) => ({
        nodes: pageOf(run.annotations, page).map(({ path, startLine, level, message, title }) => ({
          ...{ path, message, title, annotationLevel: level.toUpperCase() },
          location: { start: { line: startLine } },
        })),
      }),
    })),
    ...latest(statuses, ({ context }) => context).map((status) => ({
      ...{ __typename: 'StatusContext', context: status.context, description: status.description },
      state: status.state.toUpperCase(),
    })),
  ];
}
