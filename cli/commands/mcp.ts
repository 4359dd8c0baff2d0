import { once } from 'node:events';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import { type ConnectOptions, withConnection } from '../connect/connection.ts';
import { onRun } from '../frame/command.ts';
import { jobCommand } from '../frame/job-command.ts';
import { mcpServer } from '../mcp/server.ts';
import { tell } from '../terminal/print.ts';

export const mcp = jobCommand('mcp', {
  summary: 'lets other agents start and review jobs, by MCP on standard input and output',
  description:
    'Serves the Model Context Protocol on standard input and output: an agent can plan a job, start what it has planned, watch it, read changes and conversations, review and publish. It may do what the token allows, and names the most that it may spend.',
  examples: [
    ['mcp', 'for a client that starts this command'],
    ['mcp --context prod', 'for jobs of a deployment'],
  ],
});

onRun<ConnectOptions>(mcp, async (options) =>
  withConnection({ ...options, resumes: true, creates: true }, async (connection) => {
    const server = mcpServer(connection);
    const closed = new Promise<void>((resolve) => {
      server.server.onclose = resolve;
    });
    await server.connect(new StdioServerTransport());
    tell('Serving MCP on standard input and output.');
    // The client closes the input when it is done.
    await Promise.race([
      closed,
      once(process.stdin, 'end'),
      once(process, 'SIGINT'),
      once(process, 'SIGTERM'),
    ]);
    await server.close();
  }),
);
