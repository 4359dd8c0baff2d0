import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link } from '@tanstack/react-router';
import { get, pathOf } from '../../api/client.ts';
import type { ThreadAnswer, Turn } from '../../api/types.ts';
import { amount, compact, percent, usd } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { DownloadButton } from '../../ui/download-button.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import styles from './repository.module.css';
import { THREAD_VIEWS } from './repository-search.ts';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

/** A message as both forms of the answer are shown. */
type Shown = { key: string; role: string; texts: string[]; turn?: Turn | undefined };

/** The conversation in one of three views, with what each turn took. The technical one has everything. */
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
        <DownloadButton
          label="thread.json"
          fileName="thread.json"
          path={pathOf(`${path}/claude-thread`, { view: 'technical', run })}
        />
      </nav>
      {data && <Turns shown={shownOf(data)} />}
      {error && <ProblemBox error={error} retry={() => void refetch()} />}
      {!data && !error && <Loading rows={8} label="Loading the conversation" />}
      {data && (
        <ol className={styles.plain}>
          {shownOf(data).map(({ key, role, texts, turn }) => (
            <li key={key} id={`message-${key}`} tabIndex={-1} className={styles.message} data-role={role}>
              <h2>
                {role === 'user' ? 'To the model' : 'The model'} {turn && <small>{costOf(turn)}</small>}
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

/** A bar for each turn by what it cost, or by its tokens if there is no price. A click leads to its message. */
function Turns({ shown }: { shown: readonly Shown[] }) {
  const turns = shown.flatMap(({ key, turn }) => (turn ? { key, turn } : []));
  const weigh = ({ costUsd, tokenUsage }: Turn) => costUsd ?? tokenUsage.total;
  const most = Math.max(...turns.map(({ turn }) => weigh(turn)));
  if (turns.length === 0 || most === 0) return null;
  const total = turns.reduce((sum, { turn }) => sum + (turn.costUsd ?? 0), 0);
  const isPriced = turns.every(({ turn }) => turn.costUsd !== undefined);
  return (
    <nav className={styles.turns} aria-label="Turns by cost">
      {turns.map(({ key, turn }, index) => (
        <a
          key={key}
          href={`#message-${key}`}
          title={`Turn ${index + 1}: ${costOf(turn)}`}
          aria-label={`Turn ${index + 1}: ${costOf(turn)}`}
          onClick={(event) => {
            event.preventDefault();
            const message = document.getElementById(`message-${key}`);
            message?.scrollIntoView({ block: 'start' });
            message?.focus({ preventScroll: true });
          }}
        >
          <span style={{ height: `${Math.max(6, (100 * weigh(turn)) / most)}%` }} />
        </a>
      ))}
      <span>
        {amount(turns.length, 'turn')}
        {isPriced && `, ${usd(total)}`}
      </span>
    </nav>
  );
}

function costOf({ tokenUsage, costUsd, seconds }: Turn): string {
  const prompt = tokenUsage.total - tokenUsage.output;
  return `${compact(prompt)} in (${percent(tokenUsage.cacheRead, prompt)} from the cache), ${compact(tokenUsage.output)} out, ${costUsd === undefined ? '' : `${usd(costUsd)}, `}${seconds.toFixed(1)} s`;
}

function shownOf(answer: ThreadAnswer): Shown[] {
  if (answer.view !== 'technical') {
    return answer.messages.map(({ role, text, toolCalls = [], turn }, index) => ({
      key: String(index),
      role,
      turn,
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
      turn,
    };
  });
}
