import type { z } from 'zod';
import { CodyBatchError } from '../../core/errors.ts';
import { type Definition, definitionSchema, type Scope, type State } from './schema.ts';

/** The definition has something that this engine would ignore or run otherwise than AWS. Nothing was started. */
export class DefinitionRefusedError extends CodyBatchError {
  override readonly name = 'DefinitionRefusedError';
}

export type LoadedDefinition = {
  /** The text with its substitutions, as DescribeStateMachine shows it. */
  text: string;
  definition: Definition;
};

/** Reasons why common fields of the language are not supported. */
const REASONS: Readonly<Record<string, string>> = {
  QueryLanguage: 'JSONata is not run here, and the field would be ignored',
  Assign: 'variables would be ignored',
  Arguments: 'JSONata is not run here',
  Output: 'JSONata is not run here',
  HeartbeatSeconds: 'heartbeats would be ignored',
  HeartbeatSecondsPath: 'heartbeats would be ignored',
  Credentials: 'there are no roles to assume here',
  TimeoutSecondsPath: 'its value cannot be checked against the timer bound; use TimeoutSeconds',
  Iterator: 'the old name of ItemProcessor',
  ItemsPath: 'items come from an ItemReader',
  ItemBatcher: 'one child execution has one item',
};

/**
 * Parses Amazon States Language, the same bytes that are deployed, and refuses what would not run here as on AWS.
 * `${Name}` inside strings becomes `substitutions.Name`. Every name needs a substitution and every substitution a name.
 * Throws a DefinitionRefusedError with the path of every problem and what is supported there.
 */
export function loadDefinition(text: string, substitutions: Record<string, string>): LoadedDefinition {
  parseJson(text);
  const substituted = substitute(text, substitutions);
  const parsed = definitionSchema.safeParse(parseJson(substituted));
  if (!parsed.success) refuse(parsed.error.issues.flatMap(describeIssue));
  const problems = [...graphProblems(parsed.data, '$'), ...ambiguousNames(parsed.data)];
  if (problems.length > 0) refuse(problems);
  return { text: substituted, definition: parsed.data };
}

function refuse(problems: string[]): never {
  throw new DefinitionRefusedError(`The state machine cannot run here:\n${problems.join('\n')}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    refuse([`$: not JSON: ${(error as Error).message}`]);
  }
}

function substitute(text: string, substitutions: Record<string, string>): string {
  const used = new Set<string>();
  const unresolved = new Set<string>();
  const substituted = text.replace(/\$\{([^}"]*)\}/g, (whole, name: string) => {
    const value = Object.hasOwn(substitutions, name) ? substitutions[name] : undefined;
    if (value === undefined) {
      unresolved.add(name);
      return whole;
    }
    used.add(name);
    return JSON.stringify(value).slice(1, -1);
  });
  const unused = Object.keys(substitutions).filter((name) => !used.has(name));
  const problems = [
    ...[...unresolved].map((name) => `\${${name}}: no substitution of this name was given`),
    ...unused.map((name) => `\${${name}}: a substitution that the definition does not use`),
  ];
  if (problems.length > 0) refuse(problems);
  return substituted;
}

function describePath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    if (typeof key === 'number') return `${text}[${key}]`;
    return /^[A-Za-z_]\w*$/.test(String(key)) ? `${text}.${String(key)}` : `${text}['${String(key)}']`;
  }, '$');
}

function describeIssue(issue: z.core.$ZodIssue): string[] {
  const path = describePath(issue.path);
  if (issue.code !== 'unrecognized_keys') return [`${path}: ${issue.message}`];
  return issue.keys.map((key) => {
    const field = describePath([...issue.path, key]);
    return `${field}: ${REASONS[key] ?? 'not a field that runs here'}; ${issue.message}`;
  });
}

/** The states that `state` can transition to. */
function targets(state: State): string[] {
  const next = 'Next' in state && state.Next !== undefined ? [state.Next] : [];
  const caught = 'Catch' in state ? (state.Catch ?? []).map((catcher) => catcher.Next) : [];
  const chosen =
    state.Type === 'Choice'
      ? [...state.Choices.map((rule) => rule.Next), ...(state.Default === undefined ? [] : [state.Default])]
      : [];
  return [...next, ...caught, ...chosen];
}

/** Transitions to missing states and unreachable states, in this scope, in item processors and in branches. */
function graphProblems(scope: Scope, path: string): string[] {
  const reached = new Set<string>();
  const problems: string[] = [];
  const visit = (name: string, from: string): void => {
    const state = Object.hasOwn(scope.States, name) ? scope.States[name] : undefined;
    if (!state) problems.push(`${from}: there is no state ${JSON.stringify(name)}`);
    else if (!reached.has(name)) {
      reached.add(name);
      for (const target of targets(state)) visit(target, `${path}.States.${name}`);
    }
  };
  visit(scope.StartAt, `${path}.StartAt`);
  for (const [name, state] of Object.entries(scope.States)) {
    if (!reached.has(name)) problems.push(`${path}.States.${name}: no state leads here`);
    if (state.Type === 'Map') {
      problems.push(...graphProblems(state.ItemProcessor, `${path}.States.${name}.ItemProcessor`));
    }
    if (state.Type === 'Parallel') {
      for (const [i, branch] of state.Branches.entries())
        problems.push(...graphProblems(branch, `${path}.States.${name}.Branches[${i}]`));
    }
  }
  return problems;
}

/** Names and Map labels that occur twice. On AWS each must be unique in the whole state machine. */
function ambiguousNames(definition: Definition): string[] {
  const names = new Map<string, number>();
  const labels = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const visit = ({ States }: Scope): void => {
    for (const [name, state] of Object.entries(States)) {
      count(names, name);
      if (state.Type === 'Map') {
        if (state.Label !== undefined) count(labels, state.Label);
        visit(state.ItemProcessor);
      }
      if (state.Type === 'Parallel') for (const branch of state.Branches) visit(branch);
    }
  };
  visit(definition);
  const twice = (counts: Map<string, number>) => [...counts].filter(([, n]) => n > 1).map(([key]) => key);
  return [
    ...twice(names).map(
      (name) =>
        `$: the name ${JSON.stringify(name)} occurs more than once; a state's name must be unique in the whole state machine`,
    ),
    ...twice(labels).map((label) => `$: the Label ${JSON.stringify(label)} occurs more than once`),
  ];
}
