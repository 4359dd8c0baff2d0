import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { addContext, configFile, listContexts, removeContext, useContext } from '../connect/contexts.ts';
import { apiUrl, LOCAL } from '../connect/target.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { print, printJson, printStyled, tell } from '../terminal/print.ts';
import { table } from '../terminal/table.ts';

export const context = describeCommand('context', {
  summary: 'chooses between this machine and deployments',
  description:
    'Chooses where commands find their jobs: on this machine ("local"), or at a deployment. --api, --context, --data, CODY_BATCH_API and CODY_BATCH_CONTEXT come before it.',
  examples: [
    ['context add prod https://API', 'gives a deployment a name'],
    ['context use prod', 'all commands work there from now on'],
    ['context use local', 'back to this machine'],
  ],
});

const list = describeCommand('list', { summary: 'lists the contexts', examples: [] })
  .alias('ls')
  .addOption(new Option('--json', 'prints one JSON document'));
onRun<{ json?: boolean }>(list, async ({ json }) => {
  const named = listContexts();
  const isLocal = named.every(({ isCurrent }) => !isCurrent);
  const all = [{ name: LOCAL, api: 'this machine', isCurrent: isLocal }, ...named];
  if (json) printJson(all);
  else {
    const columns = [
      {
        heading: 'context',
        cell: ({ name, isCurrent }: (typeof all)[0]) => `${isCurrent ? '*' : ' '} ${name}`,
      },
      { heading: 'API', cell: ({ api }: (typeof all)[0]) => api },
    ];
    printStyled(`${table(all, columns)}\n`);
  }
});

const add = describeCommand('add', { summary: 'gives a deployment a name', examples: [] })
  .argument('<name>', 'a name of your choice')
  .argument('<url>', "the URL of the deployment's API")
  .addOption(new Option('--use', 'uses it from now on'));
onRun<{ use?: boolean }>(add, async ({ use }, name: string, url: string) => {
  if (name === LOCAL || !/^[\w.-]{1,64}$/.test(name)) {
    throw new UsageError(
      `${JSON.stringify(name)} cannot be the name of a context; expected letters, digits, dots and dashes, and not "local".`,
    );
  }
  await addContext(name, apiUrl(url, 'The URL'));
  if (use) await useContext(name);
  tell(`The context ${name} is kept in ${configFile()}. Sign in with: cody-batch login --context ${name}`);
});

const use = describeCommand('use', { summary: 'uses a context from now on', examples: [] }).argument(
  '<name>',
  'the context; "local" is this machine',
);
onRun(use, async (_options, name: string) => {
  await useContext(name === LOCAL ? undefined : name);
  print(name === LOCAL ? 'Commands work on this machine.\n' : `Commands work on ${name}.\n`);
});

const remove = describeCommand('remove', {
  summary: 'forgets a context and its tokens',
  examples: [],
}).argument('<name>', 'the context');
onRun(remove, async (_options, name: string) => {
  await removeContext(name);
  print(`The context ${name} is forgotten.\n`);
});

context.addCommand(list, { isDefault: true }).addCommand(add).addCommand(use).addCommand(remove);
