import type { Edge } from './definition.ts';

export type Place = { column: number; row: number };

/**
 * Where each state is drawn: its column is one behind the farthest state that leads to it, leaving out the ways back and
 * those of errors. The longest way through the workflow has the first row; another state has the row of the state that it follows, or the next
 * free one of its column.
 */
export function placesOf(
  startAt: string,
  names: readonly string[],
  edges: readonly Edge[],
): Map<string, Place> {
  const forward = withoutWaysBack(startAt, names, edges);
  const usual = forward.filter(({ kind }) => kind !== 'catch');
  const reached = new Set([startAt, ...usual.map(({ to }) => to)]);
  // What only an error leads to is drawn behind all states that it may follow, and pushes no other state.
  const columns = columnsOf(
    names,
    forward.filter(({ kind, to }) => kind !== 'catch' || !reached.has(to)),
  );
  const byColumn = names.toSorted((a, b) => columns.get(a)! - columns.get(b)!);
  const taken = new Set<string>();
  const places = new Map<string, Place>();
  for (const name of longestWay(startAt, columns, usual)) {
    const column = columns.get(name)!;
    taken.add(`${column} 0`);
    places.set(name, { column, row: 0 });
  }
  for (const name of byColumn.filter((name) => !places.has(name))) {
    const column = columns.get(name)!;
    const before = forward.find(({ to, from }) => to === name && places.has(from));
    let row = before ? places.get(before.from)!.row + (before.kind === 'catch' ? 1 : 0) : 0;
    while (taken.has(`${column} ${row}`)) row += 1;
    taken.add(`${column} ${row}`);
    places.set(name, { column, row });
  }
  return places;
}

/** The states of the longest way through first branches and without errors, from its end to its start. */
function longestWay(startAt: string, columns: ReadonlyMap<string, number>, usual: readonly Edge[]): string[] {
  const firstBranch = new Map<string, string>();
  for (const { from, to, kind } of usual)
    if (kind === 'branch' && !firstBranch.has(from)) firstBranch.set(from, to);
  const edges = usual.filter(({ from, to, kind }) => kind !== 'branch' || firstBranch.get(from) === to);
  const reached = new Set([startAt]);
  for (const name of reached) for (const { from, to } of edges) if (from === name) reached.add(to);
  const farthest = (names: readonly string[]) =>
    names.filter((name) => reached.has(name)).sort((a, b) => columns.get(b)! - columns.get(a)!)[0];
  const way: string[] = [];
  for (let at = farthest([...reached]); at !== undefined; ) {
    way.push(at);
    at = farthest(edges.filter(({ to }) => to === at).map(({ from }) => from));
  }
  return way;
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
