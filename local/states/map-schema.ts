import { z } from 'zod';
import {
  comment,
  errorHandling,
  fields,
  inputOutput,
  MAP_ERRORS,
  referencePath,
  requireTransition,
  resultPath,
  stateName,
  template,
  transition,
} from './schema-fields.ts';

const s3Parameters = (location: string) =>
  template('state').superRefine((parameters, context) => {
    const given = Object.keys(parameters).map((key) => key.replace(/\.\$$/, ''));
    if (given.sort().join() !== ['Bucket', location].sort().join()) {
      context.addIssue({ code: 'custom', message: `needs Bucket and ${location}, and nothing else` });
    }
  });

/** A Distributed Map whose children run `plainState`s. */
export function mapSchema<State extends z.ZodType>(plainState: State) {
  return fields('a Map', {
    Type: z.literal('Map'),
    ...comment,
    Label: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,40}$/, { error: 'needs 1 to 40 of the characters A-Z a-z 0-9 _ -' })
      .optional(),
    ItemReader: fields('an ItemReader', {
      Resource: z.literal('arn:aws:states:::s3:getObject'),
      ReaderConfig: fields('a ReaderConfig', {
        InputType: z.literal('JSON', { error: 'only JSON (one array) is read here' }),
      }),
      Parameters: s3Parameters('Key'),
    }),
    ItemSelector: template('item').optional(),
    ItemProcessor: fields('an ItemProcessor', {
      ...comment,
      ProcessorConfig: fields('a ProcessorConfig', {
        Mode: z.literal('DISTRIBUTED', { error: 'only DISTRIBUTED Maps run here' }),
        ExecutionType: z.literal('STANDARD', { error: 'only STANDARD children run here' }),
      }),
      StartAt: stateName,
      States: z.record(stateName, plainState),
    }),
    MaxConcurrency: z.int().min(0).optional(),
    MaxConcurrencyPath: referencePath.optional(),
    ToleratedFailurePercentage: z.number().min(0).max(100).optional(),
    ResultWriter: fields('a ResultWriter', {
      Resource: z.literal('arn:aws:states:::s3:putObject'),
      Parameters: s3Parameters('Prefix'),
    }),
    ...inputOutput,
    ResultSelector: template('state').optional(),
    ResultPath: resultPath,
    ...errorHandling(MAP_ERRORS),
    ...transition,
  })
    .superRefine(requireTransition)
    .refine((state) => state.MaxConcurrency === undefined || state.MaxConcurrencyPath === undefined, {
      error: 'has both MaxConcurrency and MaxConcurrencyPath',
    });
}
