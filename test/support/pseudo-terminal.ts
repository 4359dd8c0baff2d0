import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { CLI, PLAIN_ENVIRONMENT } from './stack.ts';

/** Runs a program in a pseudo-terminal of a width, and passes its output and its exit status on. */
const PYTHON = `
import fcntl, os, pty, struct, sys, termios
columns, rows = int(sys.argv[1]), int(sys.argv[2])
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
    os.execvp(sys.argv[3], sys.argv[3:])
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', rows, columns, 0, 0))
while True:
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    os.write(1, data)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

export type OnTerminal = { status: number | null; output: string; seconds: number };

/** Runs `cody-batch` on a terminal, and returns everything that was written to it. */
export async function codyOnTerminal(
  args: readonly string[],
  {
    columns,
    rows = 24,
    environment = {},
  }: { columns: number; rows?: number; environment?: Record<string, string> },
): Promise<OnTerminal> {
  const started = performance.now();
  const command = [process.execPath, CLI, ...args];
  const child = spawn('python3', ['-c', PYTHON, String(columns), String(rows), ...command], {
    env: { ...PLAIN_ENVIRONMENT, TERM: 'xterm-256color', PAGER: 'cat', ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  return {
    status,
    output: Buffer.concat(chunks).toString('utf8'),
    seconds: (performance.now() - started) / 1000,
  };
}
