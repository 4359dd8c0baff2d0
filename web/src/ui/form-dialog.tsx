import { type ReactNode, useEffect, useId, useRef } from 'react';
import styles from './form-dialog.module.css';
import { useKept } from './kept.ts';

export { styles as formStyles };

/**
 * A button that opens a form. `onSubmit` gets a function that closes it, for when the request is accepted. By its `name`, an
 * open form is open again after a sign-in that had to be renewed.
 */
export function FormDialog({
  name,
  label,
  title,
  submit,
  hint,
  disabled,
  canSubmit,
  children,
  onSubmit,
}: {
  name: string;
  label: string;
  title: string;
  submit: string;
  /** Why the button is disabled. */
  hint?: string | undefined;
  disabled?: boolean;
  canSubmit: boolean;
  children: ReactNode;
  onSubmit: (close: () => void) => void;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const [isOpen, setOpen] = useKept(`${name} is open`, false);
  const close = () => dialog.current?.close();
  useEffect(() => {
    if (isOpen && !dialog.current?.open) dialog.current?.showModal();
  }, [isOpen]);
  // A form that its page takes away is closed; a page that the browser leaves takes nothing away.
  // biome-ignore lint/correctness/useExhaustiveDependencies: for the end of the component alone.
  useEffect(() => () => setOpen(false), []);
  return (
    <>
      <button type="button" disabled={disabled} title={hint} onClick={() => setOpen(true)}>
        {label}
      </button>
      <dialog ref={dialog} aria-labelledby={id} onClose={() => setOpen(false)}>
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
