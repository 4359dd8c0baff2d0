/** `npm run deploy|synth|diff|destroy`. */
import { main } from '../lib/commands/main.ts';

process.exitCode = await main(process.argv.slice(2), process.env);
