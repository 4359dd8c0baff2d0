import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { streams } from './streams.ts';

/**
 * Shows text that has passed `printable` by the user's pager, as git does, if standard output is this process's terminal and
 * the text is longer than it. Otherwise prints it.
 */
export async function page(text: string, isWanted = true): Promise<void> {
  const { out } = streams;
  const command = process.env.PAGER ?? 'less';
  const isLong = text.split('\n').length > (out.rows ?? 24);
  const isOwnTerminal = out === process.stdout && out.isTTY && process.env.TERM !== 'dumb';
  if (!isWanted || !isOwnTerminal || !isLong || command === '' || command === 'cat') {
    out.write(text);
    return;
  }
  // As git: quit if it fits, keep colours, leave the text on the screen.
  const pager = spawn(command, {
    shell: true,
    stdio: ['pipe', 'inherit', 'inherit'],
    env: { LESS: 'FRX', LV: '-c', ...process.env },
  });
  // A pager that is left early closes its input.
  pager.stdin.on('error', () => {});
  pager.stdin.end(text);
  // Ctrl-C is the pager's.
  const ignore = () => {};
  process.on('SIGINT', ignore);
  try {
    const [status] = await once(pager, 'exit');
    if (status === 127) out.write(text);
  } finally {
    process.off('SIGINT', ignore);
  }
}
