import { useNavigate } from '@tanstack/react-router';
import styles from '../../ui/filters.module.css';
import { JOB_STATUSES, type JobsSearch } from './jobs-search.ts';

/** The filters of the list of jobs, kept in the address. */
export function JobFilters({ search }: { search: JobsSearch }) {
  const navigate = useNavigate();
  const set = (change: Partial<Record<keyof JobsSearch, string | undefined>>) =>
    void navigate({
      to: '/j',
      search: { ...search, ...(change as JobsSearch) },
      replace: true,
    });
  return (
    <form
      className={styles.filters}
      onSubmit={(event) => event.preventDefault()}
      aria-label="Filter the jobs"
    >
      <label>
        Text
        <input
          type="search"
          value={search.text ?? ''}
          onChange={({ target }) => set({ text: target.value || undefined })}
        />
      </label>
      <label>
        Status
        <select
          value={search.status ?? ''}
          onChange={({ target }) => set({ status: target.value || undefined })}
        >
          <option value="">any</option>
          {JOB_STATUSES.map((status) => (
            <option key={status}>{status}</option>
          ))}
        </select>
      </label>
      <label>
        Type
        <input
          value={search.type ?? ''}
          placeholder="any"
          onChange={({ target }) => set({ type: target.value || undefined })}
        />
      </label>
      <label>
        From
        <input
          type="date"
          value={search.from ?? ''}
          onChange={({ target }) => set({ from: target.value || undefined })}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={search.to ?? ''}
          onChange={({ target }) => set({ to: target.value || undefined })}
        />
      </label>
    </form>
  );
}
