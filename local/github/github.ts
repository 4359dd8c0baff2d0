import type { RepositoryStore } from './repositories/repository-store.ts';
import type { StrictRules } from './strict/strict-rules.ts';
import type { GitHubUrls } from './urls.ts';

/** One running server: its addresses, its data, and the rules that it applies. */
export type GitHub = GitHubUrls & StrictRules & { repositories: RepositoryStore };
