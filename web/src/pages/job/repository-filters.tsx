import { visibleText } from '../../../../core/hidden-characters.ts';
import { Text } from '../../text/text.tsx';
import styles from '../../ui/filters.module.css';
import { type JobSearch, OUTCOMES, PULL_STATES, REVIEWS, STATUS_FILTERS } from './job-search.ts';
import { shortShape } from './rows.ts';

const SELECTS = [
  ['status', 'Status', STATUS_FILTERS],
  ['outcome', 'Outcome', OUTCOMES],
  ['pull', 'Pull request', PULL_STATES],
  ['review', 'Review', REVIEWS],
] as const;

const WORDS: Readonly<Record<string, string>> = {
  waiting: 'waiting for the model',
  gaveUp: 'gave up',
  red: 'open with failing checks',
  green: 'open with passing checks',
  unfinished: 'open with checks that run',
  approve: 'approved',
  reject: 'rejected',
};

export function RepositoryFilters({
  search,
  onChange,
}: {
  search: JobSearch;
  onChange: (change: JobSearch) => void;
}) {
  return (
    <form
      className={styles.filters}
      onSubmit={(event) => event.preventDefault()}
      aria-label="Filter the repositories"
    >
      <label>
        Name
        <input
          type="search"
          data-key="/"
          value={search.text ?? ''}
          onChange={({ target }) => onChange({ text: target.value || undefined })}
        />
      </label>
      {SELECTS.map(([name, label, words]) => (
        <label key={name}>
          {label}
          <select
            value={search[name] ?? ''}
            onChange={({ target }) => onChange({ [name]: target.value || undefined })}
          >
            <option value="">any</option>
            {words.map((word) => (
              <option key={word} value={word}>
                {WORDS[word] ?? word}
              </option>
            ))}
          </select>
        </label>
      ))}
      {search.shape && (
        <Picked label={`shape ${shortShape(search.shape)}`} clear={() => onChange({ shape: undefined })} />
      )}
      {search.kin && (
        <Picked label={`kin ${shortShape(search.kin)}`} clear={() => onChange({ kin: undefined })} />
      )}
      {search.check && (
        <Picked label={`check ${search.check}`} clear={() => onChange({ check: undefined })} />
      )}
      {search.error && <Picked label="one kind of failure" clear={() => onChange({ error: undefined })} />}
    </form>
  );
}

function Picked({ label, clear }: { label: string; clear: () => void }) {
  return (
    <button type="button" onClick={clear} aria-label={`Remove the filter: ${visibleText(label)}`}>
      <Text max={200}>{label}</Text> ✕
    </button>
  );
}
