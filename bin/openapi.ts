/** `npm run openapi`: writes docs/openapi.json. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { operations } from '../lambdas/api/handler.ts';
import { openApiDocument } from '../lambdas/api/openapi.ts';

const file = path.join(import.meta.dirname, '../docs/openapi.json');
await writeFile(file, `${JSON.stringify(openApiDocument(operations), null, 2)}\n`);
