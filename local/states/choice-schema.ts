import { z } from 'zod';
import { comment, fields, inputOutput, referencePath, stateName } from './schema-fields.ts';

/** The operators that compare as on AWS once the lowering has put a type test in front of them. */
const OPERATORS = {
  StringEquals: z.string(),
  NumericEquals: z.number(),
  NumericLessThan: z.number(),
  NumericLessThanEquals: z.number(),
  NumericGreaterThan: z.number(),
  NumericGreaterThanEquals: z.number(),
  BooleanEquals: z.boolean(),
  IsPresent: z.boolean(),
  IsNull: z.boolean(),
  IsString: z.boolean(),
  IsNumeric: z.boolean(),
  IsBoolean: z.boolean(),
  IsTimestamp: z.boolean(),
};
const operatorNames = Object.keys(OPERATORS) as (keyof typeof OPERATORS)[];

type Comparison = { Variable?: string } & { [Name in keyof typeof OPERATORS]?: string | number | boolean };
/** A Choice rule below the top level, where Next is not allowed. */
export type Condition = Comparison & { And?: Condition[]; Or?: Condition[]; Not?: Condition };

const conditionShape = {
  ...comment,
  Variable: referencePath.optional(),
  ...(Object.fromEntries(operatorNames.map((name) => [name, OPERATORS[name].optional()])) as {
    [Name in keyof typeof OPERATORS]: z.ZodOptional<(typeof OPERATORS)[Name]>;
  }),
  And: z.lazy(() => z.array(condition).min(1)).optional(),
  Or: z.lazy(() => z.array(condition).min(1)).optional(),
  Not: z.lazy(() => condition).optional(),
};

function requireOneTest(rule: Condition, context: z.RefinementCtx): void {
  const comparisons = operatorNames.filter((name) => rule[name] !== undefined);
  const combined = (['And', 'Or', 'Not'] as const).filter((name) => rule[name] !== undefined);
  if (comparisons.length + combined.length !== 1) {
    context.addIssue({ code: 'custom', message: 'needs exactly one comparison or one of And, Or, Not' });
  } else if ((comparisons.length === 1) !== (rule.Variable !== undefined)) {
    context.addIssue({
      code: 'custom',
      message: 'a comparison needs Variable; And, Or and Not do not take it',
    });
  }
}

const condition: z.ZodType<Condition> = fields('a condition', conditionShape).superRefine(requireOneTest);

export const choice = fields('a Choice', {
  Type: z.literal('Choice'),
  ...comment,
  Choices: z
    .array(fields('a choice rule', { ...conditionShape, Next: stateName }).superRefine(requireOneTest))
    .min(1),
  Default: stateName.optional(),
  ...inputOutput,
});
