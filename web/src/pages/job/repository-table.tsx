import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useRef } from 'react';
import { count, shortTime, usd } from '../../text/format.ts';
import { FindNotice } from '../../ui/find-notice.tsx';
import { Status } from '../../ui/status.tsx';
import { useMedia } from '../../ui/use-media.ts';
import type { JobSearch, SORTS } from './job-search.ts';
import { RepositoryLink } from './repository-link.tsx';
import styles from './repository-table.module.css';
import { type Row, reviewOf, shortShape } from './rows.ts';

type Sort = (typeof SORTS)[number];

/** Each column's heading, and what it sorts by. */
const COLUMNS: readonly (readonly [string, Sort?])[] = [
  ['Repository', 'repositoryName'],
  ['Status', 'status'],
  ['Outcome'],
  ['Lines', 'changes'],
  ['Cost', 'costUsd'],
  ['Pull request'],
  ['Review'],
  ['Shape'],
  ['Ended', 'completedAt'],
];

const CHECK_SIGNS = { passing: '✓', failing: '✕', pending: '◐' } as const;
const ROW_PX = 34;
const CARD_PX = 132;

/** Any number of rows: only those on screen are in the document. */
export function RepositoryTable({
  jobId,
  rows,
  search,
  onSort,
  selected,
  onSelect,
}: {
  jobId: string;
  rows: readonly Row[];
  search: JobSearch;
  onSort: (sort: Sort) => void;
  selected: ReadonlySet<string>;
  onSelect: (names: ReadonlySet<string>) => void;
}) {
  const scroller = useRef<HTMLElement>(null);
  const isNarrow = useMedia('(width < 48rem)');
  const rowPx = isNarrow ? CARD_PX : ROW_PX;
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowPx,
    overscan: 4,
  });
  // biome-ignore lint/correctness/useExhaustiveDependencies: rows are placed anew when their height has changed.
  useEffect(() => virtual.measure(), [rowPx]);
  const items = virtual.getVirtualItems();
  const areAll = rows.length > 0 && rows.every(({ repositoryName }) => selected.has(repositoryName));
  const toggleAll = () => {
    const next = new Set(selected);
    for (const { repositoryName } of rows) {
      if (areAll) next.delete(repositoryName);
      else next.add(repositoryName);
    }
    onSelect(next);
  };
  const toggle = (name: string) => {
    const next = new Set(selected);
    if (!next.delete(name)) next.add(name);
    onSelect(next);
  };
  return (
    <>
      <FindNotice
        isPart={rows.length > items.length}
        instead="Filter by the name: the key / leads to its field."
      />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <section ref={scroller} className={styles.scroller} tabIndex={0} aria-label="Repositories">
        {/* biome-ignore lint/a11y/useSemanticElements: rows that are placed one by one cannot be in a table element. */}
        <div role="table" aria-label="Repositories" aria-rowcount={rows.length + 1} className={styles.table}>
          {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
          <div role="rowgroup" className={styles.head}>
            {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
            {/* biome-ignore lint/a11y/useFocusableInteractive: a row is not a control here. */}
            <div role="row" aria-rowindex={1} className={styles.row}>
              {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
              {/* biome-ignore lint/a11y/useFocusableInteractive: as above. */}
              <span role="columnheader">
                <input
                  type="checkbox"
                  checked={areAll}
                  aria-label={`Select all ${count(rows.length)} that match`}
                  onChange={toggleAll}
                />
              </span>
              {COLUMNS.map(([label, sort]) => (
                // biome-ignore lint/a11y/useSemanticElements: as above.
                // biome-ignore lint/a11y/useFocusableInteractive: its button is.
                <span key={label} role="columnheader" aria-sort={sortOf(sort, search)}>
                  {sort ? (
                    <button type="button" onClick={() => onSort(sort)}>
                      {label}
                      {search.sort === sort && <span aria-hidden="true">{search.desc ? ' ▾' : ' ▴'}</span>}
                    </button>
                  ) : (
                    label
                  )}
                </span>
              ))}
            </div>
          </div>
          {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
          <div role="rowgroup" className={styles.body} style={{ height: virtual.getTotalSize() }}>
            {items.map(({ index, start }) => {
              const row = rows[index]!;
              return (
                // biome-ignore lint/a11y/useSemanticElements: as above.
                // biome-ignore lint/a11y/useFocusableInteractive: a row is not a control here.
                <div
                  key={row.repositoryName}
                  role="row"
                  aria-rowindex={index + 2}
                  className={styles.row}
                  style={{ transform: `translateY(${start}px)`, height: rowPx }}
                >
                  <Cells
                    jobId={jobId}
                    row={row}
                    isSelected={selected.has(row.repositoryName)}
                    toggle={toggle}
                  />
                </div>
              );
            })}
          </div>
        </div>
      </section>
    </>
  );
}

function Cells({
  jobId,
  row,
  isSelected,
  toggle,
}: {
  jobId: string;
  row: Row;
  isSelected: boolean;
  toggle: (name: string) => void;
}) {
  const review = reviewOf(row);
  const cells = [
    <RepositoryLink key="name" jobId={jobId} repositoryName={row.repositoryName} />,
    <Status key="status" value={row.status} label={row.waiting ? 'waiting for the model' : undefined} />,
    row.outcome ? <Status key="outcome" value={row.outcome} /> : '—',
    row.changedFiles ? `+${count(row.additions ?? 0)} −${count(row.deletions ?? 0)}` : '—',
    usd(row.costUsd),
    row.prState ? (
      <span key="pull">
        {row.prNumber !== undefined && `#${row.prNumber} `}
        <Status value={row.prState} />
        {row.prState === 'open' && row.checks && row.checks !== 'none' && (
          <span title={`checks ${row.checks}`}>
            {' '}
            <span aria-hidden="true">{CHECK_SIGNS[row.checks]}</span>
            <span className="visually-hidden">checks {row.checks}</span>
          </span>
        )}
      </span>
    ) : (
      '—'
    ),
    review ? <Status key="review" value={review} /> : '—',
    row.shape ? shortShape(row.shape) : '—',
    shortTime(row.completedAt),
  ];
  return (
    <>
      {/* biome-ignore lint/a11y/useSemanticElements: as above. */}
      <span role="cell">
        <input
          type="checkbox"
          checked={isSelected}
          aria-label={`Select ${row.repositoryName}`}
          onChange={() => toggle(row.repositoryName)}
        />
      </span>
      {cells.map((cell, index) => (
        // biome-ignore lint/a11y/useSemanticElements: as above.
        <span role="cell" key={COLUMNS[index]![0]} data-label={COLUMNS[index]![0]}>
          {cell}
        </span>
      ))}
    </>
  );
}

function sortOf(sort: Sort | undefined, search: JobSearch): 'ascending' | 'descending' | 'none' | undefined {
  if (!sort) return undefined;
  if (search.sort !== sort) return 'none';
  return search.desc ? 'descending' : 'ascending';
}
