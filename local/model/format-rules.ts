/** The keywords of JSON Schema that structured outputs do not support. */
const UNSUPPORTED = [
  'minimum',
  'maximum',
  'exclusiveMinimum',
  'exclusiveMaximum',
  'multipleOf',
  'minLength',
  'maxLength',
  'maxItems',
  'uniqueItems',
  'minProperties',
  'maxProperties',
];

/** Keywords whose value is a schema, an array of schemas, or schemas by name. */
const SUBSCHEMAS = ['items', 'anyOf', 'allOf', '$defs', 'definitions', 'properties'];

/**
 * The API's message if it would refuse this schema of `output_config.format`. Returns undefined if it accepts it, or there is
 * none. See the API's guide to structured outputs, "JSON Schema limitations".
 */
export function formatRefusal(schema: unknown, path = 'output_config.format.schema'): string | undefined {
  if (typeof schema !== 'object' || schema === null) return undefined;
  const fields = schema as Record<string, unknown>;
  const unsupported = UNSUPPORTED.find((name) => name in fields);
  if (unsupported) return `${path}: For '${fields.type}' type, property '${unsupported}' is not supported`;
  if (fields.type === 'object' && fields.additionalProperties !== false)
    return `${path}: For 'object' type, 'additionalProperties' must be explicitly set to false`;
  if (typeof fields.minItems === 'number' && fields.minItems > 1)
    return `${path}: For 'array' type, 'minItems' values other than 0 or 1 are not supported`;
  if (typeof fields.$ref === 'string' && !fields.$ref.startsWith('#/'))
    return `${path}: External references are not supported (${fields.$ref})`;
  for (const name of SUBSCHEMAS) {
    const isNamed = name === 'properties' || name === '$defs' || name === 'definitions';
    const value = fields[name];
    const children = Array.isArray(value)
      ? value.map((child, i): [string, unknown] => [`${name}.${i}`, child])
      : isNamed
        ? Object.entries(value ?? {}).map(([key, child]): [string, unknown] => [`${name}.${key}`, child])
        : [[name, value] as [string, unknown]];
    for (const [place, child] of children) {
      const refusal = formatRefusal(child, `${path}.${place}`);
      if (refusal) return refusal;
    }
  }
  return undefined;
}
