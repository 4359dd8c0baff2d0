import type { ExecutionLane, ExecutionState } from '../../../api/types.ts';

/** A state where it is drawn: columns and rows without gaps. */
export type Node = { state: ExecutionState; column: number; row: number };
/** `isOver`: another state is drawn between the two. `wasTaken`: the run went this way, as far as its states tell. */
export type Edge = { from: Node; to: Node; isCatch: boolean; isOver: boolean; wasTaken: boolean };
export type Graph = { nodes: Node[]; edges: Edge[]; columns: number; rows: number };

/** States that only choose a way, or end one. */
const ROUTING = new Set(['Choice', 'Pass', 'Succeed', 'Fail', 'Parallel']);

/**
 * The states of a lane and the ways between them. Without `isWhole` the states are left out in which no work is done, and
 * in the job's lane also those beside the usual way that the run did not enter. Ways lead through what is left out.
 */
export function graphOf(lane: ExecutionLane, isWhole: boolean): Graph {
  const shown = lane.states.filter((state) => isWhole || isWork(state, lane.lane === 'job'));
  const columns = ranks(shown.map(({ column }) => column));
  const rows = ranks(shown.map(({ row }) => row));
  const nodes = shown.map((state) => ({
    state,
    column: columns.get(state.column)!,
    row: rows.get(state.row)!,
  }));
  const edges = edgesOf(lane, nodes).filter(({ isOver, wasTaken }) => isWhole || !isOver || wasTaken);
  return { nodes, edges, columns: columns.size, rows: rows.size };
}

function isWork({ type, status, row }: ExecutionState, isOfJob: boolean): boolean {
  if (status === 'running' && type !== 'Parallel') return true;
  if (ROUTING.has(type)) return false;
  return !isOfJob || row === 0 || status !== undefined;
}

function ranks(values: readonly number[]): Map<number, number> {
  const sorted = [...new Set(values)].sort((a, b) => a - b);
  return new Map(sorted.map((value, rank) => [value, rank]));
}

function edgesOf({ states }: ExecutionLane, nodes: readonly Node[]): Edge[] {
  const byName = new Map(states.map((state) => [state.name, state]));
  const drawn = new Map(nodes.map((node) => [node.state.name, node]));
  return nodes.flatMap((from) => {
    const found = new Map<Node, boolean>();
    const seen = new Set<string>();
    const follow = (state: ExecutionState, isCatch: boolean) => {
      for (const { to, kind } of state.next) {
        const isCaught = isCatch || kind === 'catch';
        const node = drawn.get(to);
        if (node) found.set(node, (found.get(node) ?? true) && isCaught);
        else if (!seen.has(`${to} ${isCaught}`)) {
          seen.add(`${to} ${isCaught}`);
          const next = byName.get(to);
          if (next) follow(next, isCaught);
        }
      }
    };
    follow(from.state, false);
    return [...found].map(([to, isCatch]) => {
      const between = nodes.filter(
        ({ row, column }) => row === from.row && row === to.row && column > from.column && column < to.column,
      );
      const wasTaken =
        !isCatch &&
        from.state.status !== undefined &&
        to.state.status !== undefined &&
        between.every(({ state }) => state.status === undefined);
      return { from, to, isCatch, isOver: between.length > 0, wasTaken };
    });
  });
}
