import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { get, pathOf } from '../../api/client.ts';
import type { ThreadAnswer } from '../../api/types.ts';
import { compact, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import styles from './repository.module.css';
import { THREAD_VIEWS } from './repository-search.ts';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

/** A message as both forms of the answer are shown. */
type Shown = { key: string; role: string; texts: string[]; cost?: string };

/** The conversation in one of three views. The technical one has everything, with the cost of each turn. */
export function Conversation({
  path,
  view,
  run,
}: {
  path: string;
  view: (typeof THREAD_VIEWS)[number];
  run: number | undefined;
}) {
  const params = route.useParams();
  const search = route.useSearch();
  const { data, error, refetch } = useQuery({
    queryKey: ['thread', path, view, run],
    queryFn: ({ signal }) => get<ThreadAnswer>(pathOf(`${path}/claude-thread`, { view, run }), { signal }),
  });
  return (
    <>
      <nav className={styles.tabs} aria-label="Views of the conversation">
        {THREAD_VIEWS.map((word) => (
          <Link
            key={word}
            to="/j/$jobId/r/$owner/$name"
            params={params}
            search={{ ...search, view: word === 'standard' ? undefined : word }}
            aria-current={view === word ? 'page' : undefined}
            activeOptions={{ explicitUndefined: true }}
            replace
          >
            {word}
          </Link>
        ))}
      </nav>
      {error && <ProblemBox error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={8} label="Loading the conversation" />}
      {data && (
        <ol className={styles.plain}>
          {shownOf(data).map(({ key, role, texts, cost }) => (
            <li key={key} className={styles.message} data-role={role}>
              <h2>
                {role === 'user' ? 'To the model' : 'The model'} {cost && <small>{cost}</small>}
              </h2>
              {texts.map((text, index) => (
                // biome-ignore lint/suspicious/noArrayIndexKey: the blocks of a message keep their order.
                <p key={index}>
                  <Text max={20_000}>{text}</Text>
                </p>
              ))}
            </li>
          ))}
        </ol>
      )}
    </>
  );
}

function shownOf(answer: ThreadAnswer): Shown[] {
  if (answer.view !== 'technical') {
    return answer.messages.map(({ role, text, toolCalls = [] }, index) => ({
      key: String(index),
      role,
      texts: [text, ...toolCalls.map(({ line, failed }) => `${failed ? '✕' : '→'} ${line}`)].filter(Boolean),
    }));
  }
  const turns = new Map(answer.turns.map((turn) => [turn.message, turn]));
  return answer.messages.map(({ role, content }, index) => {
    const turn = turns.get(index);
    const texts =
      typeof content === 'string'
        ? [content]
        : content.map((block) =>
            block.type === 'text'
              ? String((block as { text: unknown }).text)
              : JSON.stringify(block, null, 1),
          );
    return {
      key: String(index),
      role,
      texts,
      ...(turn && {
        cost: `${compact(turn.tokenUsage.total)} tokens, ${usd(turn.costUsd)}, ${turn.seconds.toFixed(1)} s`,
      }),
    };
  });
}
