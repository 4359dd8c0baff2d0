/** `npm run asl`: prints the definition, for Workflow Studio and the validators. */
import { jobDefinitionText } from './job.ts';

process.stdout.write(jobDefinitionText());
