/** What a role's policy says, with every reference filled in. */
export type Statement = {
  effect: 'Allow' | 'Deny';
  actions: string[];
  resources: string[];
  conditions: Record<string, Record<string, string[]>>;
};

/** One thing that a request does. A condition key that is absent from `context` was not in the request. */
export type Call = { action: string; resource: string; context: Record<string, string[]> };

type Compare = (value: string, wanted: string) => boolean;

/** https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements_condition_operators.html */
const OPERATORS: Readonly<Record<string, Compare>> = {
  StringEquals: (value, wanted) => value === wanted,
  StringLike: matches,
  ArnEquals: matches,
  ArnLike: matches,
  Bool: (value, wanted) => value.toLowerCase() === wanted.toLowerCase(),
};

/** The condition keys that `requests.ts` reads out of requests; another would look as if it were absent. */
const KEYS = new Set([
  'dynamodb:Attributes',
  'dynamodb:LeadingKeys',
  'dynamodb:ReturnValues',
  'dynamodb:Select',
  's3:prefix',
]);

/** `*` and `?`, as in actions, resources and the operators that match. */
export function matches(value: string, pattern: string): boolean {
  const escaped = pattern.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  return new RegExp(`^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`, 's').test(value);
}

/** Throws for what these tests cannot judge, so that it is never taken for allowed. */
export function requireKnown(statements: readonly Statement[]): void {
  for (const { conditions } of statements) {
    for (const [operator, keys] of Object.entries(conditions)) {
      parseOperator(operator);
      for (const key of Object.keys(keys))
        if (!KEYS.has(key))
          throw new Error(`The condition key ${key} is not known here; read it in requests.ts.`);
    }
  }
}

function parseOperator(operator: string) {
  const [, set, name, ifExists] = /^(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?$/.exec(operator) ?? [];
  const compare = OPERATORS[name ?? ''];
  if (!compare)
    throw new Error(`The condition operator ${operator} is not known here; add it to evaluate.ts.`);
  return { set, compare, ifExists: ifExists !== undefined };
}

/** Undefined where the statements allow the call, else why none does. */
export function refusal(statements: readonly Statement[], call: Call): string | undefined {
  const about = statements.filter(
    ({ actions, resources }) =>
      actions.some((action) => matches(call.action.toLowerCase(), action.toLowerCase())) &&
      resources.some((resource) => matches(call.resource, resource)),
  );
  const unmet = about.map(({ effect, conditions }) => ({ effect, fault: unmetCondition(conditions, call) }));
  if (unmet.some(({ effect, fault }) => effect === 'Deny' && !fault)) return 'it is denied by a statement';
  if (unmet.some(({ effect, fault }) => effect === 'Allow' && !fault)) return undefined;
  return unmet.find(({ fault }) => fault)?.fault ?? 'no statement allows it';
}

function unmetCondition(conditions: Statement['conditions'], { context }: Call): string | undefined {
  for (const [operator, keys] of Object.entries(conditions)) {
    const { set, compare, ifExists } = parseOperator(operator);
    for (const [key, wanted] of Object.entries(keys)) {
      const values = context[key];
      const fits = (value: string) => wanted.some((one) => compare(value, one));
      if (values === undefined) {
        // An absent key is what ForAllValues and IfExists pass.
        if (ifExists || set === 'ForAllValues') continue;
        return `${operator} ${key} asks for ${wanted.join(', ')}, and the request has none`;
      }
      const unfit = values.filter((value) => !fits(value));
      if (set === 'ForAnyValue' ? unfit.length === values.length : unfit.length > 0)
        return `${operator} ${key} does not allow ${unfit.join(', ')}`;
    }
  }
  return undefined;
}
