import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv, type ValidateFunction } from 'ajv';
import formats from 'ajv-formats';

type Schema = { [key: string]: unknown };
type Response = { $ref?: string; content?: Record<string, { schema?: Schema }> };
type Operation = { responses: Record<string, Response> };
type Description = {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema>; responses: Record<string, Response> };
};

const require = createRequire(import.meta.url);

/**
 * Any operation may answer these, but the description lists them for few. Their body is GitHub's basic
 * error.
 */
const ANYWHERE = [301, 307, 401, 403, 404, 429];

const SCHEMAS = '#/components/schemas/';

const BASIC_ERROR = { $ref: `${SCHEMAS}basic-error` };

const isObject = (value: unknown): value is Schema =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Converts OpenAPI 3.0's dialect to JSON Schema: `nullable` becomes a type, and annotations are left out.
 * `isNames` marks an object whose keys are names of properties, which may look like keywords.
 */
function toJsonSchema(node: unknown, isNames = false): unknown {
  if (Array.isArray(node)) return node.map((item) => toJsonSchema(item));
  if (!isObject(node)) return node;
  const entries = Object.entries(node).filter(
    ([key]) =>
      isNames || !['nullable', 'discriminator', 'example', 'examples', 'default', 'deprecated'].includes(key),
  );
  const schema = Object.fromEntries(
    entries.map(([key, value]) => [key, toJsonSchema(value, !isNames && key === 'properties')]),
  );
  return !isNames && node.nullable === true ? { anyOf: [schema, { type: 'null' }] } : schema;
}

/** GitHub's description of its REST API. Schemas of answers are compiled on first use. */
export class OpenApiDescription {
  readonly #description: Description;
  readonly #ajv = new Ajv({ strict: false, allErrors: true, code: { optimize: false } });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor() {
    const path = require.resolve('@octokit/openapi/generated/api.github.com.json');
    this.#description = JSON.parse(readFileSync(path, 'utf8'));
    formats.default(this.#ajv);
  }

  /**
   * The differences between an answer to `METHOD /path/{template}` and the description; empty if there
   * are none.
   */
  faults(operation: string, status: number, body: unknown): string[] {
    const [method = '', path = ''] = operation.split(' ');
    const described = this.#description.paths[path]?.[method.toLowerCase()];
    if (!described) return [`${operation} is not in GitHub's description`];
    const response = this.#response(described, status);
    if (!response) return [`${operation} is not described to answer ${status}`];
    // Some refusals are described without a body; GitHub sends its basic error.
    const fallback = status < 400 ? undefined : BASIC_ERROR;
    const schema = response.content?.['application/json']?.schema ?? fallback;
    if (!schema) return body ? [`${operation} is described to answer ${status} without a body`] : [];
    const validate = this.#validator(`${operation} ${status}`, schema);
    if (validate(body)) return [];
    return (validate.errors ?? []).map(
      ({ instancePath, message }) => `${operation} ${status}: ${instancePath || 'the body'} ${message}`,
    );
  }

  #response({ responses }: Operation, status: number): Response | undefined {
    const response = responses[status];
    if (!response) {
      const content = { 'application/json': { schema: BASIC_ERROR } };
      return ANYWHERE.includes(status) ? { content } : undefined;
    }
    const name = response.$ref?.split('/').pop();
    return name ? this.#description.components.responses[name] : response;
  }

  #validator(key: string, schema: Schema): ValidateFunction {
    const known = this.#validators.get(key);
    if (known) return known;
    const definitions: Record<string, unknown> = {};
    this.#collect(schema, definitions);
    const root = { ...(toJsonSchema(schema) as Schema), components: { schemas: definitions } };
    const validate = this.#ajv.compile(root);
    this.#validators.set(key, validate);
    return validate;
  }

  /** Collects only the schemas that this one refers to, of about a thousand. */
  #collect(node: unknown, into: Record<string, unknown>): void {
    if (Array.isArray(node)) for (const item of node) this.#collect(item, into);
    if (!isObject(node)) return;
    const name = typeof node.$ref === 'string' ? node.$ref.slice(SCHEMAS.length) : undefined;
    if (name && !(name in into)) {
      const schema = this.#description.components.schemas[name];
      into[name] = toJsonSchema(schema);
      this.#collect(schema, into);
    }
    for (const value of Object.values(node)) this.#collect(value, into);
  }
}
