/**
 * The CDK app. cdk.json starts it with two options of V8, which halve its CPU time: CDK's check of the template is WebAssembly
 * that runs once, so optimizing it costs more than it saves, and parallel garbage collection costs it more CPU time than one thread does.
 */
import { codyBatchApp } from '../lib/app.ts';

const app = await codyBatchApp();
app.synth();
