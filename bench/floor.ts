import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Measured, measureProcess, plainEnvironment } from './measured-process.ts';
import type { BenchModel } from './model.ts';

const BARE_SCRIPT = fileURLToPath(new URL('bare-script.mjs', import.meta.url));

/** The bare script, with the requests of the model's last conversation. */
export class Floor {
  readonly #folder: string;
  readonly #modelUrl: string;
  #runs = 0;

  private constructor(folder: string, modelUrl: string) {
    this.#folder = folder;
    this.#modelUrl = modelUrl;
  }

  static async after(model: BenchModel, folder: string): Promise<Floor> {
    const floor = new Floor(folder, model.url);
    // The SDK's stream() sets it by itself.
    const requests = model.conversation.map(({ stream, ...request }) => request);
    await writeFile(floor.#requestsFile, JSON.stringify(requests));
    return floor;
  }

  get #requestsFile(): string {
    return path.join(this.#folder, 'requests.json');
  }

  async run(cloneUrl: string): Promise<Measured> {
    const tree = path.join(this.#folder, `bare-${++this.#runs}`);
    const measured = await measureProcess(
      [process.execPath, BARE_SCRIPT, cloneUrl, tree, this.#requestsFile],
      { ...plainEnvironment(), ANTHROPIC_BASE_URL: this.#modelUrl, ANTHROPIC_API_KEY: 'bench' },
    );
    if (!measured.output.startsWith('diff --git'))
      throw new Error(`The bare script printed no patch, but ${JSON.stringify(measured.output)}.`);
    await rm(tree, { recursive: true });
    return measured;
  }
}
