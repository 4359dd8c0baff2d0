/**
 * The CDK app. cdk.json starts it with two options of V8, which halve its CPU time: CDK's check of the template is WebAssembly
 * that runs once, so optimizing it costs more than it saves, and threads that collect garbage get in each other's way.
 */
import { codyBatchApp } from '../lib/app.ts';

const app = await codyBatchApp();
app.synth();
