/** Permissions of a fine-grained token or an installation: `{contents: 'write', pull_requests: 'write'}`. */
export type Permissions = Readonly<Record<string, 'read' | 'write' | 'admin'>>;

/** Who sent a request, and what their credential allows. */
export type Caller = {
  kind: 'anonymous' | 'user' | 'installation' | 'app';
  /** Absent if the caller is anonymous or an app. */
  login?: string;
  /** The key of rate limits. GitHub counts by user, across all of a user's tokens, and by installation. */
  account: string;
  /** Everything is allowed if absent. */
  permissions?: Permissions;
  /** Lower-case `owner/name`; every repository if absent. */
  repositories?: ReadonlySet<string>;
  /** The account that an installation belongs to. */
  owner?: string;
  /** Set for an app, whether it uses its JSON web token or an installation token. */
  appId?: number;
};
