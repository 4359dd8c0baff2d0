import { readFileSync } from 'node:fs';
import path from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';

type Content = Record<string, object>;
type Response = { $ref?: string; content?: Content };
type Operation = { responses: Record<string, Response> };
type Document = {
  paths: Record<string, Record<string, Operation>>;
  components: { responses: Record<string, Response> };
};

export type Answer = { status: number; contentType: string | null; text: string };

const ADVICE =
  'Mend the answer, or the responses and problems of its route, and renew docs/openapi.json by `npm run openapi`.';

/** docs/openapi.json, which test/lambdas/api/openapi.test.ts keeps the same as the routes. */
class Description {
  readonly #document: Document;
  // Each file compiles some schemas: without these two options, that takes three times as long.
  readonly #ajv = new Ajv2020({
    ...{ strict: false, allErrors: true },
    ...{ inlineRefs: false, code: { optimize: false } },
  });

  constructor() {
    const file = path.join(import.meta.dirname, '../../docs/openapi.json');
    this.#document = JSON.parse(readFileSync(file, 'utf8'));
    formats.default(this.#ajv);
    this.#ajv.addSchema({ ...this.#document, $id: 'api' });
  }

  /** What is wrong with an answer; undefined if it is as described, or if the path is not the API's. */
  fault(method: string, pathname: string, answer: Answer): string | undefined {
    const template = this.#templateOf(pathname.replace(/^\/api(?=\/)/, ''));
    if (template === undefined) return undefined;
    const operation = this.#document.paths[template]![method.toLowerCase()];
    const at = operation
      ? ['paths', template, method.toLowerCase(), 'responses', String(answer.status)]
      : ['components', 'responses', 'Problem405'];
    const what = `${method} ${template} answered ${answer.status}`;
    if (!operation && ![403, 405].includes(answer.status))
      return `${what}, and takes no ${method}. ${ADVICE}`;
    if (operation && !operation.responses[answer.status]) return `${what}, which is not described. ${ADVICE}`;
    if (!operation && answer.status === 403) return undefined;
    return this.#faultOf(what, at, answer);
  }

  #templateOf(pathname: string): string | undefined {
    const segments = pathname.replaceAll(/%2f/gi, '/').split('/');
    const fits = (template: string) => {
      const expected = template.split('/');
      return (
        expected.length === segments.length &&
        expected.every((segment, i) => segment.startsWith('{') || segment === segments[i])
      );
    };
    return Object.keys(this.#document.paths).find(fits);
  }

  #faultOf(what: string, at: string[], { contentType, text }: Answer): string | undefined {
    let described = valueAt(this.#document, at) as Response;
    let pointer = at;
    if (described.$ref) {
      pointer = described.$ref.slice(2).split('/');
      described = valueAt(this.#document, pointer) as Response;
    }
    const { content } = described;
    if (!content) return text === '' ? undefined : `${what} with a body, which is not described. ${ADVICE}`;
    if (contentType === null || !content[contentType]) {
      return `${what} as ${contentType}; described is ${Object.keys(content).join(' or ')}. ${ADVICE}`;
    }
    if (!contentType.includes('json')) return undefined;
    const validate = this.#ajv.getSchema(
      `api#/${[...pointer, 'content', contentType, 'schema'].map(escaped).join('/')}`,
    );
    if (!validate) throw new Error(`docs/openapi.json has no schema of ${what} as ${contentType}.`);
    if (validate(JSON.parse(text))) return undefined;
    const errors = (validate.errors ?? [])
      .slice(0, 3)
      .map(
        ({ instancePath, message, params }) =>
          `${instancePath || 'the body'} ${message} ${JSON.stringify(params)}`,
      );
    return `${what}, and ${errors.join('; ')}. ${ADVICE}`;
  }
}

function valueAt(document: unknown, at: readonly string[]): unknown {
  return at.reduce((value, key) => (value as Record<string, unknown>)[key], document);
}

function escaped(key: string): string {
  return encodeURIComponent(key.replaceAll('~', '~0').replaceAll('/', '~1'));
}

let description: Description | undefined;

/** What is wrong with an answer of the API by docs/openapi.json; undefined if nothing is, or if the path is not the API's. */
export function faultOfAnswer(method: string, pathname: string, answer: Answer): string | undefined {
  description ??= new Description();
  return description.fault(method, pathname, answer);
}
