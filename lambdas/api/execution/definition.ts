import { z } from 'zod';

const Rule = z.looseObject({ Next: z.string().optional(), Variable: z.string().optional() });
const Catcher = z.looseObject({ ErrorEquals: z.array(z.string()), Next: z.string() });

/** A state of the Amazon States Language, as far as the layout needs it. */
export type State = {
  Type: string;
  Comment?: string | undefined;
  Resource?: string | undefined;
  Next?: string | undefined;
  Default?: string | undefined;
  Choices?: z.infer<typeof Rule>[] | undefined;
  Catch?: z.infer<typeof Catcher>[] | undefined;
  Branches?: Workflow[] | undefined;
  ItemProcessor?: Workflow | undefined;
};
export type Workflow = { StartAt: string; States: Record<string, State> };
export type Definition = Workflow;

const StateShape: z.ZodType<State> = z.lazy(() =>
  z.looseObject({
    Type: z.string(),
    Comment: z.string().optional(),
    Resource: z.string().optional(),
    Next: z.string().optional(),
    Default: z.string().optional(),
    Choices: z.array(Rule).optional(),
    Catch: z.array(Catcher).optional(),
    Branches: z.array(WorkflowShape).optional(),
    ItemProcessor: WorkflowShape.optional(),
  }),
);
const WorkflowShape = z.looseObject({
  StartAt: z.string(),
  States: z.record(z.string(), StateShape),
}) as z.ZodType<Workflow>;

export function parseDefinition(text: string): Definition {
  return WorkflowShape.parse(JSON.parse(text));
}

export type Edge = {
  from: string;
  to: string;
  kind: 'next' | 'choice' | 'default' | 'branch' | 'join' | 'catch';
  when?: string;
};

/** The states of a workflow with those of its branches, and the ways between them. `onMap` gets the workflow of each Map. */
export function edgesOf(
  workflow: Workflow,
  onMap: (name: string, workflow: Workflow) => void,
): { states: Map<string, State>; edges: Edge[] } {
  const states = new Map<string, State>();
  const edges: Edge[] = [];
  const visit = ({ States }: Workflow, after: string | undefined) => {
    for (const [from, state] of Object.entries(States)) {
      states.set(from, state);
      const { Next, Default, Choices = [], Catch = [], Branches = [], ItemProcessor } = state;
      if (ItemProcessor) onMap(from, ItemProcessor);
      for (const branch of Branches) {
        edges.push({ from, to: branch.StartAt, kind: 'branch' });
        visit(branch, Next);
      }
      for (const rule of Choices)
        if (rule.Next !== undefined) edges.push({ from, to: rule.Next, kind: 'choice', when: wordsOf(rule) });
      if (Default !== undefined) edges.push({ from, to: Default, kind: 'default' });
      if (Next !== undefined && Branches.length === 0) edges.push({ from, to: Next, kind: 'next' });
      const isEnd = Next === undefined && Default === undefined && Choices.length === 0;
      if (isEnd && after !== undefined && state.Type !== 'Fail')
        edges.push({ from, to: after, kind: 'join' });
      for (const catcher of Catch)
        edges.push({ from, to: catcher.Next, kind: 'catch', when: catcher.ErrorEquals.join(', ') });
    }
  };
  visit(workflow, undefined);
  return { states, edges };
}

/** `$.action StringEquals "delete"`: what a choice compares. */
function wordsOf({ Next: _, Variable, ...comparison }: z.infer<typeof Rule>): string {
  const compared = Object.entries(comparison).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  return [Variable, ...compared].filter(Boolean).join(' ');
}
