import { useNavigate } from '@tanstack/react-router';
import { useRef, useState } from 'react';
import { areKeysOff, setKeysOff, useAllKeys, useKeys } from './keys.ts';
import styles from './keys-dialog.module.css';

/** The button and the list of keys. */
export function KeysDialog() {
  const dialog = useRef<HTMLDialogElement>(null);
  const navigate = useNavigate();
  const [isOff, setIsOff] = useState(areKeysOff);
  const open = () => dialog.current?.showModal();
  useKeys([
    { key: '?', does: 'list the keys', run: open },
    {
      key: '/',
      does: 'search',
      run: () => [...document.querySelectorAll<HTMLElement>('[data-key="/"]')].at(-1)?.focus(),
    },
    { key: 'c', does: 'new job', run: () => void navigate({ to: '/new' }) },
    { key: 'g', does: 'all jobs', run: () => void navigate({ to: '/j' }) },
  ]);
  const keys = useAllKeys();
  return (
    <>
      <button type="button" onClick={open}>
        Keys
      </button>
      <dialog ref={dialog} aria-labelledby="keys-title">
        <h2 id="keys-title">Keys</h2>
        <dl className={styles.keys}>
          {keys.map(({ key, does }) => (
            <div key={`${key} ${does}`}>
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{does}</dd>
            </div>
          ))}
        </dl>
        <label>
          <input
            type="checkbox"
            checked={isOff}
            onChange={({ target }) => {
              setKeysOff(target.checked);
              setIsOff(target.checked);
            }}
          />{' '}
          Turn single keys off in this browser
        </label>
        <form method="dialog" className={styles.close}>
          <button type="submit">Close</button>
        </form>
      </dialog>
    </>
  );
}
