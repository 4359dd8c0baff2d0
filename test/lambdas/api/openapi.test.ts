import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { operations, routes } from '../../../lambdas/api/handler.ts';
import { openApiDocument } from '../../../lambdas/api/openapi.ts';
import { PROBLEM_TYPE_PREFIX, PROBLEMS } from '../../../lambdas/api/problem.ts';
import { faultOfAnswer } from '../../support/described-answers.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
const document = JSON.parse(JSON.stringify(openApiDocument(operations)));

test('docs/openapi.json describes the routes as they are', () => {
  const committed = readFileSync(path.join(ROOT, 'docs/openapi.json'), 'utf8');
  const isStale = committed !== `${JSON.stringify(document, null, 2)}\n`;
  expect(isStale ? 'docs/openapi.json is stale. Renew it by `npm run openapi`, and commit it.' : '').toBe('');
});

test.each(routes.map((route) => [`${route.method} ${route.path}`, route] as const))(
  '%s is described with its role and the problems that it can have',
  (_name, { method, path: template, role }) => {
    const operation = document.paths[template][method.toLowerCase()];
    expect(operation.summary).toMatch(/^[A-Z].*\.$/);
    expect(operation.description).toContain(role === 'open' ? 'no token' : `\`${role}\``);
    expect(operation.security).toEqual(role === 'open' ? [] : undefined);
    expect(operation.responses).toHaveProperty('400');
    if (role !== 'open') expect(operation.responses).toHaveProperty('401');
    if (template.includes('{')) expect(operation.responses).toHaveProperty('404');
    const named = [...template.matchAll(/\{(\w+)\}/g)].map(([, name]) => name);
    const described = (operation.parameters ?? []).filter((one: { in: string }) => one.in === 'path');
    expect(described.map((one: { name: string }) => one.name).sort()).toEqual(named.sort());
  },
);

test('every type of problem is in the description and in docs/api.md', () => {
  const page = readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8');
  const { type } = document.components.schemas.Problem.properties;
  for (const problem of PROBLEMS) {
    expect(type.enum).toContain(`${PROBLEM_TYPE_PREFIX}${problem.type}`);
    expect(page).toContain(`:${problem.type}\``);
  }
});

test('an answer that differs from its description is reported, with advice', () => {
  const jobs = (answer: object, status = 200) =>
    faultOfAnswer('GET', '/jobs', { status, contentType: 'application/json', text: JSON.stringify(answer) });
  expect(jobs({ jobs: [] })).toBeUndefined();
  expect(jobs({ jobs: [{ jobId: 'job-1' }] })).toMatch(/^GET \/jobs answered 200, and .*npm run openapi/);
  expect(jobs({ jobs: [], more: 1 })).toContain('additional');
  expect(jobs({}, 418)).toContain('418, which is not described');
});
