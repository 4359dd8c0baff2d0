import { z } from 'zod';
import { defineTool } from './tool.ts';

const schema = z.object({
  summary: z.string().min(1).max(4000).describe('What was changed and why, or why nothing had to be changed'),
  title: z.string().max(256).describe('Title of the pull request; empty without changes'),
  body: z.string().max(20_000).describe('Description of the pull request, Markdown; empty without changes'),
  notDone: z
    .array(z.string())
    .max(50)
    .optional()
    .describe(
      'What the task called for and was not done, such as a file that cannot be edited; one entry each',
    ),
  wereChangesNecessary: z.boolean().describe('Whether the task called for changes in this repository'),
});

export const taskCompleteTool = defineTool({
  name: 'task_complete',
  description:
    'Submits the work, once it is done or once it is clear that nothing has to be changed. The change is checked; if a check fails, its result comes back and the work goes on.',
  schema,
  effect: 'submits',
  run: (submission, { submit }) => submit(submission),
});
