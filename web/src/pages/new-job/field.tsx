import { type ReactNode, useId } from 'react';
import type { FieldFault } from '../../api/client.ts';
import { Text } from '../../text/text.tsx';
import styles from './new-job.module.css';

/** A labelled field, with what the API said of it. */
export function Field({
  label,
  hint,
  fault,
  children,
}: {
  label: string;
  hint?: string;
  fault: FieldFault | undefined;
  children: (ids: { id: string; 'aria-describedby'?: string; 'aria-invalid'?: true }) => ReactNode;
}) {
  const id = useId();
  const described = [hint && `${id}-hint`, fault && `${id}-fault`].filter(Boolean).join(' ');
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {children({
        id,
        ...(described && { 'aria-describedby': described }),
        ...(fault && { 'aria-invalid': true as const }),
      })}
      {hint && (
        <small id={`${id}-hint`} className={styles.hint}>
          {hint}
        </small>
      )}
      {fault && (
        <p id={`${id}-fault`} className={styles.fault}>
          <Text max={500}>{fault.message}</Text>
        </p>
      )}
    </div>
  );
}
