import { useState } from 'react';
import { visibleText } from '../../../core/hidden-characters.ts';
import { amount, count } from '../text/format.ts';
import { Text } from '../text/text.tsx';
import styles from './file-list.module.css';
import type { PatchFile } from './patch-files.ts';

/** More are found by the filter. */
const MAX_SHOWN = 500;
/** From so many files on, a list has a filter. */
const MIN_FILTERED = 8;

/** The files of a patch, each with a mark for what has been viewed. */
export function FileList({
  files,
  at,
  viewed,
  onShow,
  onView,
}: {
  files: readonly PatchFile[];
  at: number;
  viewed: ReadonlySet<string>;
  onShow: (index: number) => void;
  onView: (index: number) => void;
}) {
  const [text, setText] = useState('');
  const [isOpen] = useState(() => !window.matchMedia('(width < 60rem)').matches);
  const wanted = text.toLowerCase();
  const found = files.flatMap((file, index) =>
    file.name.toLowerCase().includes(wanted) ? [{ file, index }] : [],
  );
  const left = files.filter(({ name }) => !viewed.has(name)).length;
  return (
    <details open={isOpen} className={styles.files}>
      <summary>
        {amount(files.length, 'file')}, {count(left)} not viewed
      </summary>
      {files.length >= MIN_FILTERED && (
        <input
          type="search"
          aria-label="Filter the files"
          placeholder="Filter the files"
          value={text}
          onChange={({ target }) => setText(target.value)}
        />
      )}
      <ul aria-label="Files">
        {found.slice(0, MAX_SHOWN).map(({ file, index }) => (
          <li key={index} data-viewed={viewed.has(file.name)}>
            <input
              type="checkbox"
              checked={viewed.has(file.name)}
              aria-label={`Viewed: ${visibleText(file.name).slice(0, 200)}`}
              onChange={() => onView(index)}
            />
            <button type="button" aria-current={index === at} onClick={() => onShow(index)}>
              <Text max={300}>{file.name}</Text>
            </button>
            <small>
              +{count(file.additions)} −{count(file.deletions)}
            </small>
          </li>
        ))}
        {found.length > MAX_SHOWN && <li>and {count(found.length - MAX_SHOWN)} more</li>}
      </ul>
    </details>
  );
}
