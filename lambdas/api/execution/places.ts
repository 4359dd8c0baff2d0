import type { Edge } from './definition.ts';

export type Place = { column: number; row: number };

/**
 * Where each state is drawn: its column is one behind the farthest state that leads to it, leaving out the ways back; its row
 * is that of the state it follows, or the next free one of the column. Error handlers do not push other states to the right.
 */
export function placesOf(
  startAt: string,
  names: readonly string[],
  edges: readonly Edge[],
): Map<string, Place> {
  const forward = withoutWaysBack(startAt, names, edges);
  const columns = columnsOf(names, forward);
  const byColumn = names.toSorted((a, b) => columns.get(a)! - columns.get(b)!);
  const taken = new Set<string>();
  const places = new Map<string, Place>();
  for (const name of byColumn) {
    const column = columns.get(name)!;
    const before = forward.find(({ to, from }) => to === name && places.has(from));
    let row = before ? places.get(before.from)!.row : 0;
    while (taken.has(`${column} ${row}`)) row += 1;
    taken.add(`${column} ${row}`);
    places.set(name, { column, row });
  }
  return places;
}

/** Without the edges that lead to a state which led here. */
function withoutWaysBack(startAt: string, names: readonly string[], edges: readonly Edge[]): Edge[] {
  const kept: Edge[] = [];
  const open = new Set<string>();
  const done = new Set<string>();
  const visit = (name: string) => {
    open.add(name);
    for (const edge of edges.filter(({ from }) => from === name)) {
      if (open.has(edge.to)) continue;
      kept.push(edge);
      if (!done.has(edge.to)) visit(edge.to);
    }
    open.delete(name);
    done.add(name);
  };
  for (const name of [startAt, ...names]) if (!done.has(name)) visit(name);
  return kept;
}

function columnsOf(names: readonly string[], edges: readonly Edge[]): Map<string, number> {
  const columns = new Map(names.map((name) => [name, 0]));
  // Without ways back, the longest way has fewer steps than there are states.
  for (let changed = true, rounds = 0; changed && rounds <= names.length; rounds++) {
    changed = false;
    for (const { from, to } of edges) {
      const column = columns.get(from)! + 1;
      if (!columns.has(to) || columns.get(to)! >= column) continue;
      columns.set(to, column);
      changed = true;
    }
  }
  return columns;
}
