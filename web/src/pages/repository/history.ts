import type { RepositoryPage, Run } from '../../api/types.ts';

export type Passage = {
  run: number;
  kind: string;
  at: string | undefined;
  instruction: string | undefined;
  /** The checks that a repair had to mend. */
  failed: readonly string[];
  cameTo: string;
  /** Whether the run may have left a diff, a log and a conversation of its own. */
  hasArtifacts: boolean;
};

const CAME_TO = {
  replaced: 'a new result',
  same: 'the same change, so the earlier result stays',
  kept: 'nothing complete, so the earlier result stays',
  notStarted: 'nothing: it was not started',
} as const;

/** The runs that worked on a repository, the newest first. Those that only published are left out. */
export function historyOf(result: RepositoryPage, runs: readonly Run[]): Passage[] {
  const { repositoryName, repairs = [] } = result;
  const rounds = new Map(repairs.map((round) => [round.run, round]));
  return runs
    .filter(
      ({ run, kind, action, selection }) =>
        kind !== 'publish' &&
        action !== 'publish' &&
        run <= (result.run ?? 0) &&
        (kind === 'repair' ? rounds.has(run) : (selection?.includes(repositoryName) ?? true)),
    )
    .map(({ run, kind, action, requestedAt, instruction }) => {
      const cameTo = cameToOf(run, result);
      return {
        ...{ run, kind: kind ?? action ?? 'run', at: requestedAt, cameTo },
        // What a repair is told is the same for all of them; its checks say more.
        instruction: kind === 'repair' ? undefined : instruction,
        failed: rounds.get(run)?.failed ?? [],
        hasArtifacts: cameTo !== CAME_TO.notStarted,
      };
    });
}

function cameToOf(run: number, { status, outcome, resultRun, revision, run: last }: RepositoryPage): string {
  if (revision?.run === run) return CAME_TO[revision.cameTo];
  if (run === (resultRun ?? last)) return outcome ? `the present result: ${outcome}` : status;
  if (run === last) return status;
  return 'an earlier result';
}
