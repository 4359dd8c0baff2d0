import { Option } from 'commander';
import { UsageError } from '../../core/errors.ts';
import { jobCommand, onJob } from '../frame/job-command.ts';
import { onlyName } from '../jobs/repository-reference.ts';
import { threadText } from '../jobs/thread-text.ts';
import { page } from '../terminal/pager.ts';
import { streams } from '../terminal/streams.ts';
import { style } from '../terminal/style.ts';

export const thread = jobCommand('thread', {
  summary: 'shows the conversation about a repository',
  examples: [
    ['thread - acme/api', 'the prompt, the replies, and a line for each tool call'],
    ['thread - acme/api --json > thread.json', 'all of it, with usage'],
  ],
})
  .argument('<job>', 'the job')
  .argument('[repository]', 'one of its repositories; not needed if it has one')
  .addOption(new Option('--simple', 'without tool calls'))
  .addOption(new Option('--json', 'prints the whole conversation as JSON'))
  .addOption(new Option('--no-pager', 'does not use a pager'));

type Options = { simple?: boolean; json?: boolean; pager: boolean };

onJob<Options>(thread, async ({ api }, jobId, { simple, json, pager }, given?: string) => {
  const name = onlyName(given, await api.getRows(jobId));
  if (json) {
    const whole = await api.getThread(jobId, name);
    if (!whole) throw none(name);
    streams.out.write(whole as unknown as string);
    streams.out.write('\n');
    return;
  }
  const found = await api.getReadableThread(jobId, name, simple ? 'simplified' : 'standard');
  if (!found) throw none(name);
  const styles = {
    heading: (text: string) => style('bold', text),
    call: (text: string) => style('gray', text),
  };
  await page(threadText(found, styles), pager);
});

function none(name: string): UsageError {
  return new UsageError(`${name} has no conversation yet. \`cody-batch show\` says how far it is.`);
}
