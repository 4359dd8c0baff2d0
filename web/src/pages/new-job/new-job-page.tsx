import { useMutation, useQuery } from '@tanstack/react-query';
import { getRouteApi, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef, useState } from 'react';
import { ApiError, post } from '../../api/client.ts';
import { jobTextQuery, meQuery } from '../../api/queries.ts';
import type { Job } from '../../api/types.ts';
import { count } from '../../text/format.ts';
import { Heading } from '../../ui/heading.tsx';
import { ProblemBox } from '../../ui/problem.tsx';
import { ChangeFields } from './change-fields.tsx';
import { type Draft, EMPTY_DRAFT, entriesOf, othersOf, requestOf, storeDraft, storedDraft } from './draft.ts';
import { draftOf } from './draft-of-job.ts';
import { Estimate } from './estimate.tsx';
import { LimitFields } from './limit-fields.tsx';
import styles from './new-job.module.css';
import { RepositoryFields } from './repository-fields.tsx';
import { useResolved } from './use-resolved.ts';

const route = getRouteApi('/new');

export function NewJobPage() {
  const { from } = route.useSearch();
  const navigate = useNavigate();
  const [draft, setDraft] = useState<Draft>(storedDraft);
  const { data: me } = useQuery(meQuery);
  // Without `from` a reload, such as that of a sign-in, keeps what was typed since.
  useFillIn(from, (filled) => {
    setDraft(filled);
    void navigate({ to: '/new', search: {}, replace: true });
  });
  useEffect(() => storeDraft(draft), [draft]);
  const set = (change: Partial<Draft>) => setDraft((before) => ({ ...before, ...change }));
  const entries = useMemo(() => entriesOf(draft.repositories), [draft.repositories]);
  const resolved = useResolved(entries);
  const key = useRef('');
  const start = useMutation({
    mutationFn: (sample: number | undefined) => {
      // The same request keeps its key, so that a lost answer does not start a second job.
      const body = requestOf(draft, sample);
      const text = JSON.stringify(body);
      if (!key.current.endsWith(text)) key.current = `${crypto.randomUUID()}${text}`;
      return post<Job>('/jobs', body, { idempotencyKey: key.current.slice(0, 36) });
    },
    onSuccess: (job) => {
      storeDraft(undefined);
      void navigate({ to: '/j/$jobId', params: { jobId: job.jobId } });
    },
  });
  const faults = start.error instanceof ApiError ? start.error.faults : [];
  const faultOf = (field: string) =>
    faults.find((fault) => fault.field === field || fault.field.startsWith(`${field}.`));
  const total = entries.length > 0 ? (resolved.data?.count ?? 0) : 0;
  const sample = Number(draft.sample);
  const isRunner = me?.roles.includes('runner') ?? true;
  const canStart = isRunner && !start.isPending && othersOf(draft.others) !== undefined;
  return (
    <>
      <Heading title="New job" />
      <form className={styles.form} onSubmit={(event) => event.preventDefault()}>
        <ChangeFields draft={draft} set={set} faultOf={faultOf} />
        <RepositoryFields
          draft={draft}
          set={set}
          faultOf={faultOf}
          entries={entries}
          resolved={resolved}
          me={me}
        />
        <LimitFields draft={draft} set={set} faultOf={faultOf} me={me} />
        <Estimate draft={draft} total={total} enabled={isRunner} />
        {start.error && <ProblemBox error={start.error} />}
        {!isRunner && <p>You may look, and not start jobs: the role runner is needed for it.</p>}
        <div className={styles.buttons}>
          <label>
            First{' '}
            <input
              type="number"
              min={1}
              max={Math.max(1, total)}
              value={draft.sample}
              onChange={({ target }) => set({ sample: target.value })}
            />
          </label>
          <button
            type="button"
            data-kind="primary"
            disabled={!canStart || total <= sample || !(sample >= 1)}
            onClick={() => start.mutate(sample)}
          >
            Try on a sample of {count(sample || 0)}
          </button>
          <button type="button" disabled={!canStart || total === 0} onClick={() => start.mutate(undefined)}>
            Start all {count(total)}
          </button>
          <button type="button" onClick={() => setDraft(EMPTY_DRAFT)}>
            Empty the form
          </button>
        </div>
      </form>
    </>
  );
}

/** Fills the form in with the request of another job, once. */
function useFillIn(from: string | undefined, fill: (draft: Draft) => void): void {
  const { data: job } = useQuery({ ...jobTextQuery(from ?? ''), enabled: from !== undefined });
  const filled = useRef('');
  useEffect(() => {
    if (!job || filled.current === job.jobId) return;
    filled.current = job.jobId;
    fill(draftOf(job));
  }, [job, fill]);
}
