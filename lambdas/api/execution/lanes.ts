import { z } from 'zod';
import { type Definition, type Edge, edgesOf, type Workflow } from './definition.ts';
import { placesOf } from './places.ts';

export const LaneState = z.object({
  name: z.string(),
  /** As in the Amazon States Language: Task, Map, Choice, Wait and so on. */
  type: z.string(),
  comment: z.string().optional(),
  /** Where it is drawn: columns go from left to right, rows from top to bottom, both from 0. */
  column: z.int(),
  row: z.int(),
  /** The states that may follow. */
  next: z.array(
    z.object({
      to: z.string(),
      /** `branch`: into a branch of a Parallel state; `join`: from the end of a branch; `catch`: after an error. */
      kind: z.enum(['next', 'choice', 'default', 'branch', 'join', 'catch']),
      /** The condition of a choice, or the errors that are caught. */
      when: z.string().optional(),
    }),
  ),
  /** Of a Map: the lane that its child executions run through. */
  runs: z.string().optional(),
});
/** `resource` is that of a Task. */
export type LaneState = z.infer<typeof LaneState> & { resource?: string };

export type Lane = {
  lane: string;
  startAt: string;
  /** The Map states whose child executions run through it; none for the job's own lane. */
  maps: string[];
  states: LaneState[];
};

/** The lanes that have names of their own; another Map's lane has the name of the Map. */
const LANE_NAMES: Readonly<Record<string, string>> = {
  AnalyzeRepositories: 'repository',
  OpenPullRequests: 'pullRequest',
};

/**
 * Lays the states of a definition out in lanes: the job's own with those of its branches, then one for each workflow that a
 * Map runs for each item. Two Maps that run the same workflow share a lane: names are unique in a state machine, so the
 * states of one have its suffix.
 */
export function lanesOf(definition: Definition): Lane[] {
  const maps = new Map<string, Workflow>();
  const own = edgesOf(definition, (name, workflow) => maps.set(name, workflow));
  const laneOfMap = new Map<string, string>();
  const children: Lane[] = [];
  const byLength = [...maps].sort(([a], [b]) => a.length - b.length);
  for (const [map, workflow] of byLength) {
    const shared = children.find((lane) => sharedNames(lane, map, workflow));
    if (shared) {
      shared.maps.push(map);
      laneOfMap.set(map, shared.lane);
      continue;
    }
    const lane = LANE_NAMES[map] ?? map;
    children.push(laneOf(lane, workflow, [map]));
    laneOfMap.set(map, lane);
  }
  const inOrder = [...maps.keys()].map((map) => children.find((lane) => lane.maps.includes(map))!);
  const job = laneOf('job', definition, [], own);
  for (const state of job.states) {
    const runs = laneOfMap.get(state.name);
    if (runs !== undefined) state.runs = runs;
  }
  return [job, ...orderOf([...new Set(inOrder)])];
}

/** The repositories are analysed before their pull requests are opened, whichever Map comes first in the text. */
function orderOf(lanes: Lane[]): Lane[] {
  const names = Object.values(LANE_NAMES);
  const rank = ({ lane }: Lane) => (names.includes(lane) ? names.indexOf(lane) : names.length);
  return lanes.sort((a, b) => rank(a) - rank(b));
}

function suffixOf({ maps }: Pick<Lane, 'maps'>, map: string): string {
  return map.slice(maps[0]!.length);
}

function sharedNames({ maps, states }: Lane, map: string, workflow: Workflow): boolean {
  const suffix = suffixOf({ maps }, map);
  if (!map.startsWith(maps[0]!) || suffix === '') return false;
  const expected = new Set(states.map(({ name }) => `${name}${suffix}`));
  const names = Object.keys(workflow.States);
  return names.length === expected.size && names.every((name) => expected.has(name));
}

function laneOf(
  lane: string,
  workflow: Workflow,
  maps: string[],
  { states, edges } = edgesOf(workflow, () => {}),
): Lane {
  const places = placesOf(workflow.StartAt, [...states.keys()], edges);
  const from = (name: string): Edge[] => edges.filter((edge) => edge.from === name);
  return {
    lane,
    startAt: workflow.StartAt,
    maps,
    states: [...states].map(([name, { Type, Comment, Resource }]) => ({
      name,
      type: Type,
      ...(Comment !== undefined && { comment: Comment }),
      ...(Resource !== undefined && { resource: Resource }),
      ...places.get(name)!,
      next: from(name).map(({ to, kind, when }) => ({ to, kind, ...(when !== undefined && { when }) })),
    })),
  };
}
