import { type ReactNode, useId, useRef } from 'react';
import styles from './form-dialog.module.css';

export { styles as formStyles };

/** A button that opens a form. `onSubmit` gets a function that closes it, for when the request is accepted. */
export function FormDialog({
  label,
  title,
  submit,
  disabled,
  canSubmit,
  children,
  onSubmit,
}: {
  label: string;
  title: string;
  submit: string;
  disabled?: boolean;
  canSubmit: boolean;
  children: ReactNode;
  onSubmit: (close: () => void) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const close = () => dialog.current?.close();
  return (
    <>
      <button type="button" disabled={disabled} onClick={() => dialog.current?.showModal()}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id}>
        <form
          className={styles.form}
          onSubmit={(event) => {
            event.preventDefault();
            onSubmit(close);
          }}
        >
          <h2 id={id}>{title}</h2>
          {children}
          <div className={styles.buttons}>
            <button type="submit" data-kind="primary" disabled={!canSubmit}>
              {submit}
            </button>
            <button type="button" onClick={close}>
              Close
            </button>
          </div>
        </form>
      </dialog>
    </>
  );
}
