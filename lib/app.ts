import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Annotations, App, type AppProps, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { bundleFunctions } from './bundles.ts';
import { readConfiguration } from './configuration.ts';
import { CodyBatchStack } from './stack.ts';
import { hasPage } from './web.ts';
import { prepareWorkerImage } from './worker-image.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The app: one environment, bundled, composed and checked. Throws SettingsError for an invalid context. */
export async function codyBatchApp(props?: AppProps): Promise<App> {
  const app = new App(props);
  const configuration = readConfiguration((name) => app.node.tryGetContext(name));
  const [bundles, imageFolder] = await Promise.all([
    bundleFunctions(path.join(app.outdir, 'bundles/functions')),
    prepareWorkerImage(path.join(app.outdir, 'bundles/worker')),
  ]);
  const pageFolder = path.resolve(ROOT, configuration.pageFolder);
  const stack = new CodyBatchStack(app, {
    configuration,
    bundles,
    workerFolder: imageFolder,
    pageFolder: hasPage(pageFolder) ? pageFolder : undefined,
  });
  if (!hasPage(pageFolder)) {
    Annotations.of(stack).addInfo(
      `${configuration.pageFolder} has no built page, so only the API is deployed: no bucket, no CloudFront, no page URL.`,
    );
  }
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return app;
}
