import { Option } from 'commander';
import { SETTINGS_OPTION, TARGET_OPTIONS, type TargetOptions, targetOf } from '../connect/target.ts';
import { type Check, checkDeployment } from '../doctor/check.ts';
import { checkMachine } from '../doctor/machine.ts';
import { checkServices } from '../doctor/services.ts';
import { describeCommand, onRun } from '../frame/command.ts';
import { printJson, printStyled } from '../terminal/print.ts';
import { streams, widthOf } from '../terminal/streams.ts';
import { style } from '../terminal/style.ts';
import { table } from '../terminal/table.ts';
import { wrapped } from '../terminal/wrap.ts';

export const doctor = describeCommand('doctor', {
  summary: 'checks what commands need, and says what would be used and from where',
  description:
    'Checks git, Node.js, disk, ports, settings, keys and the deployment, and says what commands would use and where that comes from. Exit status 1: something has to be mended.',
  examples: [
    ['doctor', 'without asking any service but a deployment'],
    ['doctor --probe', 'also asks whether the keys of Claude and GitHub are accepted; this costs nothing'],
  ],
})
  .addOption(new Option('--probe', 'asks the services of the keys'))
  .addOption(new Option('--json', 'prints one JSON document: a list of checks'));
for (const option of [...TARGET_OPTIONS(), SETTINGS_OPTION()]) doctor.addOption(option);

onRun<TargetOptions & { probe?: boolean; json?: boolean }>(doctor, async (options) => {
  const target = targetOf(options);
  const where: Check = {
    name: 'jobs',
    state: 'ok',
    detail: `${target.kind === 'api' ? target.url : target.folder}, by ${target.from}`,
  };
  const checks =
    target.kind === 'api'
      ? [where, ...(await checkDeployment(target.url))]
      : [
          where,
          ...(await checkMachine(target.folder)),
          ...(await checkServices(options.settings, options.probe ?? false)),
        ];
  if (options.json) printJson(checks);
  else {
    const columns = [
      { heading: 'check', cell: ({ name }: Check) => name },
      { heading: 'state', cell: ({ state }: Check) => state, style: colour },
    ];
    const lines = table(checks, columns).split('\n');
    printStyled(
      `${lines.map((line, i) => (i === 0 ? line : hanging(`${line}  ${checks[i - 1]!.detail}`))).join('\n')}\n`,
    );
  }
  return checks.some(({ state }) => state === 'bad') ? 1 : 0;
});

const INDENT = 4;

/** On a terminal, breaks a long line between words, and indents what follows. */
function hanging(line: string): string {
  const width = widthOf(streams.out);
  if (width === undefined) return line;
  return wrapped(line, width - 1 - INDENT).replaceAll('\n', `\n${' '.repeat(INDENT)}`);
}

function colour(state: string): string {
  return style(state === 'ok' ? 'green' : state === 'bad' ? 'red' : 'yellow', state);
}
