import type { LoopbackServer } from '../../local/access/loopback.ts';
import type { MessageRequest } from '../../local/model/conversation.ts';
import { serveMessagesApi } from '../../local/model/messages-api.ts';
import type { Answer, ReplyBlock } from '../../local/model/reply.ts';
import { SUBMISSION } from '../model.ts';

export const PROMPT = 'Mark one line of some files.';
export const INSTRUCTION = 'Use the other mark.';

const MARKS = [' // marked', ' // marked otherwise'] as const;

/** The files that the model reads in a repository; and the files that it changes, each with the line to which it adds a mark. */
export type Work = { read: readonly string[]; marked: readonly { path: string; line: string }[] };

export type Exchange = { request: MessageRequest; answer: Answer };

export type RevisingModel = LoopbackServer & { exchanges: Exchange[] };

/**
 * Plays a task and its revision. With the conversation it knows the files, and corrects them at once; with the patch it reads
 * the changed files again; anew it looks at everything again. `givesUp` says in which repositories the first run gives up.
 */
export async function startRevisingModel(
  works: ReadonlyMap<string, Work>,
  givesUp: (repositoryName: string) => boolean,
): Promise<RevisingModel> {
  const exchanges: Exchange[] = [];
  const server = await serveMessagesApi({
    access: 'anyone',
    name: 'revising model',
    respond(request) {
      const answer = { content: reply(request, works, givesUp) };
      exchanges.push({ request, answer });
      return answer;
    },
  });
  return { ...server, exchanges };
}

export function repositoryOf({ messages }: MessageRequest): string {
  return /The repository is (\S+)\./.exec(JSON.stringify(messages[0]))![1]!;
}

function reply(
  request: MessageRequest,
  works: ReadonlyMap<string, Work>,
  givesUp: (repositoryName: string) => boolean,
): ReplyBlock[] {
  const { messages } = request;
  const name = repositoryOf(request);
  const { read, marked } = works.get(name)!;
  const instructed = messages.findIndex((message) => JSON.stringify(message).includes(INSTRUCTION));
  const turn = messages.slice(Math.max(0, instructed)).filter(({ role }) => role === 'assistant').length;
  const isRevision = instructed >= 0;
  const hasPatch = JSON.stringify(messages[0]).includes('<change>');
  const look = [call('list_files', {})];
  const readAll = read.map((path) => call('read_file', { path }));
  const readMarked = marked.map(({ path }) => call('read_file', { path }));
  const mark = marked.map(({ path, line }) =>
    call('edit_file', { path, oldText: line, newText: line + MARKS[isRevision ? 1 : 0] }),
  );
  const remark = marked.map(({ path, line }) =>
    call('edit_file', { path, oldText: line + MARKS[0], newText: line + MARKS[1] }),
  );
  const submit = [call('task_complete', SUBMISSION)];
  const giveUp: ReplyBlock[] = [{ type: 'text', text: 'I cannot do more here.' }];
  const first = [look, readAll, mark, givesUp(name) ? giveUp : submit];
  const turns = !isRevision
    ? first
    : instructed > 0
      ? [remark, submit]
      : hasPatch
        ? [readMarked, remark, submit]
        : [look, readAll, mark, submit];
  return turns[turn] ?? turns.at(-1)!;
}

function call(name: string, input: object): ReplyBlock {
  return { type: 'tool_use', name, input };
}
