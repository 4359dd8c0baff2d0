import type { UseQueryResult } from '@tanstack/react-query';
import type { Me, ResolvedChoice } from '../../api/types.ts';
import { amount, count } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { ProblemBox } from '../../ui/problem.tsx';
import type { FieldsProps } from './change-fields.tsx';
import { Field } from './field.tsx';
import styles from './new-job.module.css';

const SHOWN = 500;

/** Which repositories: names, patterns and searches, and at once what they come to. */
export function RepositoryFields({
  draft,
  set,
  faultOf,
  entries,
  resolved,
  me,
}: FieldsProps & {
  entries: readonly string[];
  resolved: UseQueryResult<ResolvedChoice>;
  me: Me | undefined;
}) {
  const allowed = me?.limits.allowedRepositories ?? [];
  return (
    <fieldset>
      <legend>2 Repositories</legend>
      <Field
        label="Names, patterns or searches"
        hint={`One per line: owner/name, owner/prefix-*, !owner/name to leave one out, topic:x org:owner, job:ID is:failed. Allowed here: ${allowed.join(', ') || 'none'}.`}
        fault={faultOf('repositories')}
      >
        {(ids) => (
          <textarea
            {...ids}
            rows={5}
            value={draft.repositories}
            onChange={({ target }) => set({ repositories: target.value })}
          />
        )}
      </Field>
      <label>
        From a file with one name per line{' '}
        <input
          type="file"
          accept=".txt,.csv,text/plain"
          onChange={async ({ target }) => {
            const text = await target.files?.[0]?.text();
            if (text) set({ repositories: [draft.repositories, text].filter(Boolean).join('\n') });
          }}
        />
      </label>
      {entries.length > 0 && resolved.error && <ProblemBox error={resolved.error} />}
      {entries.length > 0 && resolved.data && (
        <Found
          resolved={resolved.data}
          entries={entries}
          remove={(names) => set({ repositories: entries.filter((entry) => !names.has(entry)).join('\n') })}
        />
      )}
      {entries.length > 0 && resolved.isFetching && <p role="status">Looking them up…</p>}
    </fieldset>
  );
}

function Found({
  resolved: { count: total, repositories, leftOutCount, leftOut, incomplete },
  entries,
  remove,
}: {
  resolved: ResolvedChoice;
  entries: readonly string[];
  remove: (names: ReadonlySet<string>) => void;
}) {
  // A pattern leaves them out; a name that cannot be taken refuses the job.
  const out = new Set(leftOut.map(({ repositoryName }) => repositoryName));
  const named = new Set(entries.filter((entry) => out.has(entry)));
  return (
    <>
      <p role="status">
        {amount(total, 'repository', 'repositories')}
        {leftOutCount > 0 && `, ${count(leftOutCount)} left out`}
      </p>
      <Names label="Repositories of this job" list={repositories} />
      {leftOutCount > 0 && (
        <details open={leftOutCount <= 20}>
          <summary>{count(leftOutCount)} left out</summary>
          <Names label="Left out" list={leftOut} hasReasons />
        </details>
      )}
      {named.size > 0 && (
        <p>
          A job that names what it may not take is refused.{' '}
          <button type="button" onClick={() => remove(named)}>
            Remove {count(named.size)} from the list
          </button>
        </p>
      )}
      {incomplete.map(({ entry, because }) => (
        <p key={entry} className={styles.fault}>
          <Text max={200}>{entry}</Text>: <Text max={500}>{because}</Text>
        </p>
      ))}
    </>
  );
}

function Names({
  label,
  list,
  hasReasons,
}: {
  label: string;
  list: ResolvedChoice['repositories'];
  hasReasons?: boolean;
}) {
  if (list.length === 0) return null;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
    <ul className={styles.names} aria-label={label} tabIndex={0}>
      {list.slice(0, SHOWN).map(({ repositoryName, because }) => (
        <li key={repositoryName} title={because}>
          <Text max={200}>{repositoryName}</Text>
          {hasReasons && because && (
            <>
              : <Text max={300}>{because}</Text>
            </>
          )}
        </li>
      ))}
      {list.length > SHOWN && <li>and {count(list.length - SHOWN)} more</li>}
    </ul>
  );
}
