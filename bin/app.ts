/** The CDK app, as cdk.json names it. */
import { codyBatchApp } from '../lib/app.ts';

const app = await codyBatchApp();
app.synth();
