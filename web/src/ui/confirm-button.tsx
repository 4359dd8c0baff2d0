import { useId, useRef } from 'react';
import { useKeys } from '../app/keys.ts';
import styles from './confirm-button.module.css';

/** A button that asks before it does something that cannot be undone. */
export function ConfirmButton({
  label,
  question,
  confirm,
  disabled,
  shortcut,
  onConfirm,
}: {
  label: string;
  question: string;
  confirm: string;
  disabled?: boolean;
  /** A key that asks, like a click. */
  shortcut?: { key: string; does: string };
  onConfirm: () => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const ask = () => dialog.current?.showModal();
  useKeys(shortcut && !disabled ? [{ ...shortcut, run: ask }] : []);
  return (
    <>
      <button type="button" disabled={disabled} onClick={ask}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id}>
        <p id={id}>{question}</p>
        <div className={styles.buttons}>
          <button
            type="button"
            data-kind="primary"
            onClick={() => {
              dialog.current?.close();
              onConfirm();
            }}
          >
            {confirm}
          </button>
          <button type="button" onClick={() => dialog.current?.close()}>
            No
          </button>
        </div>
      </dialog>
    </>
  );
}
