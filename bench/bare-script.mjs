// The floor: the simplest script for the job, with git, the SDK and the same requests, without types,
// bundle or cache.
//   node bench/bare-script.mjs CLONE_URL FOLDER REQUESTS_FILE > patch
// The API's address and key come from ANTHROPIC_BASE_URL and ANTHROPIC_API_KEY.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import Anthropic from '@anthropic-ai/sdk';

const [cloneUrl, folder, requestsFile] = process.argv.slice(2);
execFileSync('git', ['clone', '--quiet', '--depth', '1', cloneUrl, folder]);

const client = new Anthropic();
for (const request of JSON.parse(readFileSync(requestsFile, 'utf8'))) {
  const message = await client.messages.stream(request).finalMessage();
  for (const block of message.content) {
    if (block.type !== 'tool_use') continue;
    const file = path.join(folder, block.input.path ?? '');
    if (block.name === 'read_file') readFileSync(file, 'utf8');
    if (block.name === 'edit_file') {
      const { oldText, newText } = block.input;
      writeFileSync(file, readFileSync(file, 'utf8').replace(oldText, newText));
    }
  }
}

process.stdout.write(execFileSync('git', ['-C', folder, 'diff']));
