import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parseSync } from '@swc/core';

/** A reachable command of an AWS SDK, and its table if it has one. */
export type Call = { command: string; table?: 'jobs' | 'repositories' };
export type Calls = { commands: Call[]; secrets: string[] };

// biome-ignore lint/suspicious/noExplicitAny: a syntax tree with nodes of all kinds
type Any = any;
type Node = { type: string; [key: string]: Any };
type Class = { name: string; module: Module; methods: Map<string, Node>; fields: Node[] };
type Module = {
  file: string;
  imports: Map<string, { file: string; name: string }>;
  declarations: Map<string, Node>;
  classes: Map<string, Class>;
};
type Context = { module: Module; ofClass?: Class; table?: Call['table'] };

/**
 * The classes that call AWS, by the names of their instances in the product: `jobs.get` is JobTable's. A call through another
 * name is missed here; a whole job through the bundles would show it.
 */
const INSTANCES: Record<string, string> = {
  jobs: 'JobTable',
  control: 'JobControl',
  '#control': 'JobControl',
  rateSlots: 'RateSlots',
  idempotencyKeys: 'IdempotencyKeys',
  repositories: 'RepositoryTable',
  repositoryIndex: 'RepositoryIndex',
  reviews: 'ReviewTable',
  publications: 'PublicationTable',
  pullRequestHistory: 'PullRequestHistory',
  writeLimits: 'WriteLimits',
  listings: 'Listings',
  auditLog: 'AuditLog',
  drainState: 'DrainState',
  outbox: 'Outbox',
  '#rows': 'RepositoryTable',
  artifacts: 'BucketArtifacts',
  '#artifacts': 'BucketArtifacts',
  store: 'BucketArtifacts',
  '#store': 'BucketArtifacts',
  batch: 'BatchService',
  executions: 'Executions',
};
const TABLES: Record<string, Call['table']> = {
  JobTable: 'jobs',
  JobControl: 'jobs',
  RateSlots: 'jobs',
  IdempotencyKeys: 'jobs',
  RepositoryTable: 'repositories',
  RepositoryIndex: 'repositories',
  ReviewTable: 'repositories',
  PublicationTable: 'jobs',
  PullRequestHistory: 'repositories',
  WriteLimits: 'jobs',
  Listings: 'jobs',
  AuditLog: 'jobs',
  DrainState: 'jobs',
  Outbox: 'jobs',
};
const AWS_CLASSES = new Set(Object.values(INSTANCES));

/**
 * The calls of AWS that a program may make: walks its source from an export through functions, methods and imports, and
 * collects every `new XCommand`, in both branches of every condition.
 */
export function callsOf(entry: string, exportName?: string): Calls {
  return new Walk().from(entry, exportName);
}

class Walk {
  readonly #modules = new Map<string, Module>();
  readonly #seen = new Map<Node, Set<string>>();
  readonly #commands = new Map<string, Call>();
  readonly #secrets = new Set<string>();
  /** Called methods, by the name of the class, or `*` if it is not known. */
  readonly #called = new Map<string, { className: string; method: string; table: Call['table'] }>();

  from(entry: string, exportName: string | undefined): Calls {
    const module = this.#load(path.resolve(entry));
    if (exportName) this.#reach(exportName, { module });
    else for (const name of module.declarations.keys()) this.#reach(name, { module });
    for (let before = -1; before !== this.#size(); ) {
      before = this.#size();
      const classes = [...this.#modules.values()].flatMap((loaded) => [...loaded.classes.values()]);
      for (const { className, method, table } of [...this.#called.values()]) {
        for (const found of classes) {
          if (className === found.name || (className === '*' && !AWS_CLASSES.has(found.name)))
            this.#method(found, method, table);
        }
      }
    }
    return { commands: [...this.#commands.values()], secrets: [...this.#secrets].sort() };
  }

  #size(): number {
    return this.#seen.size + this.#commands.size + this.#called.size;
  }

  #load(file: string): Module {
    const known = this.#modules.get(file);
    if (known) return known;
    const module: Module = { file, imports: new Map(), declarations: new Map(), classes: new Map() };
    this.#modules.set(file, module);
    const { body } = parseSync(readFileSync(file, 'utf8'), { syntax: 'typescript', target: 'es2024' });
    for (const [index, statement] of (body as Node[]).entries()) this.#declare(module, statement, index);
    return module;
  }

  #declare(module: Module, statement: Node, index: number): void {
    const { declarations, imports, classes } = module;
    if (statement.type === 'ImportDeclaration') {
      const source: string = statement.source.value;
      if (statement.typeOnly || !source.startsWith('.') || !source.endsWith('.ts')) return;
      const file = path.resolve(path.dirname(module.file), source);
      for (const { local, imported, isTypeOnly } of statement.specifiers)
        if (!isTypeOnly) imports.set(local.value, { file, name: imported?.value ?? local.value });
      return;
    }
    const declared: Node = statement.type === 'ExportDeclaration' ? statement.declaration : statement;
    if (declared.type === 'VariableDeclaration') {
      for (const { id, init } of declared.declarations)
        if (init) declarations.set(id.value ?? `pattern ${index}`, init);
    } else if (declared.type === 'ClassDeclaration') {
      const name: string = declared.identifier.value;
      const methods = new Map<string, Node>();
      const fields: Node[] = declared.superClass ? [declared.superClass] : [];
      for (const member of declared.body) {
        if (member.type === 'Constructor') fields.push(member.body);
        else if (member.type === 'ClassProperty' || member.type === 'PrivateProperty') {
          if (member.value) fields.push(member.value);
        } else if (member.key) methods.set(keyOf(member), member.function);
      }
      classes.set(name, { name, module, methods, fields });
      declarations.set(name, { type: 'ClassReference', name });
    } else if (declared.identifier) declarations.set(declared.identifier.value, declared);
    else declarations.set(`statement ${index}`, declared);
  }

  #reach(name: string, context: Context): void {
    const { module } = context;
    const imported = module.imports.get(name);
    if (imported) {
      if (existsSync(imported.file))
        this.#reach(imported.name, { ...context, module: this.#load(imported.file) });
      return;
    }
    const declared = module.declarations.get(name);
    if (!declared) return;
    const found = module.classes.get(name);
    if (found)
      for (const field of found.fields) this.#walk(field, { module, ofClass: found, table: TABLES[name] });
    else this.#walk(declared, { module, table: context.table });
  }

  #method(found: Class, name: string, table: Call['table']): boolean {
    const method = found.methods.get(name);
    if (method)
      this.#walk(method, { module: found.module, ofClass: found, table: TABLES[found.name] ?? table });
    return method !== undefined;
  }

  #walk(node: Any, context: Context): void {
    if (!node || typeof node !== 'object') return;
    if (Array.isArray(node)) {
      for (const child of node) this.#walk(child, context);
      return;
    }
    // Types, but not the expressions inside `x as T` and `x!`.
    if (/^Ts/.test(node.type) && !node.expression) return;
    const contexts = this.#seen.get(node) ?? new Set();
    const key = `${context.table}`;
    if (contexts.has(key)) return;
    this.#seen.set(node, contexts.add(key));
    if (node.type === 'NewExpression') this.#command(commandOf(node), context);
    if (node.type === 'CallExpression') this.#call(node, context);
    if (node.type === 'Identifier') this.#reach(node.value, context);
    if (node.type === 'MemberExpression') this.#member(node, context);
    for (const [name, child] of Object.entries<Any>(node)) {
      // A property's own name is not a reference.
      const isName = name === 'key' || (name === 'property' && node.type === 'MemberExpression');
      if (isName && child?.type !== 'Computed') continue;
      if (name === 'span' || name === 'typeAnnotation') continue;
      this.#walk(child, context);
    }
  }

  #command(name: string | undefined, { table }: Context): void {
    // Secrets are collected by name, below.
    if (!name?.endsWith('Command') || name === 'GetSecretValueCommand') return;
    this.#commands.set(`${name} ${table}`, { command: name, ...(table && { table }) });
  }

  #call(node: Node, { module }: Context): void {
    const name = lastName(node.callee);
    const [first] = node.arguments;
    const paginated = /^paginate(\w+)$/.exec(name ?? '')?.[1];
    if (paginated && node.callee.type === 'Identifier') this.#command(`${paginated}Command`, { module });
    if (name === 'secret' && first?.expression.type === 'StringLiteral')
      this.#secrets.add(first.expression.value);
    if (node.callee.type === 'Import' && first.expression.value?.startsWith('.')) {
      // A module that is loaded on demand is only registered here; its uses are found by name.
      const loaded = this.#load(path.resolve(path.dirname(module.file), first.expression.value));
      for (const declared of loaded.declarations.keys()) this.#reach(declared, { module: loaded });
    }
  }

  #member(node: Node, context: Context): void {
    const name = keyOf({ key: node.property });
    if (node.object.type === 'ThisExpression') {
      if (context.ofClass) this.#method(context.ofClass, name, context.table);
      return;
    }
    const receiver = lastName(node.object);
    const known = receiver && (INSTANCES[receiver] ?? (/^[A-Z]/.test(receiver) ? receiver : undefined));
    for (const className of known ? [known] : ['*'])
      this.#called.set(`${className}.${name} ${context.table}`, {
        className,
        method: name,
        table: context.table,
      });
  }
}

/** The command of a `new`. A Query without an index is `QueryTable`, since it reads the table itself. */
function commandOf({ callee, arguments: args }: Node): string | undefined {
  const name = lastName(callee);
  if (name !== 'QueryCommand') return name;
  const properties: Node[] = args?.[0]?.expression.properties ?? [];
  return properties.some(({ key }) => key?.value === 'IndexName') ? name : 'QueryTableCommand';
}

/** `c` of `a.b.c`, of `new c()` and of `c`, with the `#` of a private name. */
function lastName(node: Node): string | undefined {
  if (node.type === 'Identifier') return node.value;
  if (node.type === 'MemberExpression') return keyOf({ key: node.property });
  if (node.type === 'NewExpression') return lastName(node.callee);
  if (node.type === 'OptionalChainingExpression') return lastName(node.base);
  if (node.type === 'ParenthesisExpression' || node.type === 'TsNonNullExpression')
    return lastName(node.expression);
  return undefined;
}

function keyOf({ key }: { key?: Any }): string {
  if (key?.type === 'PrivateName') return `#${key.value}`;
  return String(key?.value ?? '');
}
