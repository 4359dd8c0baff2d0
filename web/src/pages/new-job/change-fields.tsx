import type { FieldFault } from '../../api/client.ts';
import type { Draft } from './draft.ts';
import { Field } from './field.tsx';
import styles from './new-job.module.css';
import { TEMPLATES } from './templates.ts';

export type FieldsProps = {
  draft: Draft;
  set: (change: Partial<Draft>) => void;
  faultOf: (field: string) => FieldFault | undefined;
};

/** What is to change. */
export function ChangeFields({ draft, set, faultOf }: FieldsProps) {
  return (
    <fieldset>
      <legend>1 The change</legend>
      <div className={styles.row}>
        <Field label="Name" fault={faultOf('name')}>
          {(ids) => (
            <input {...ids} value={draft.name} onChange={({ target }) => set({ name: target.value })} />
          )}
        </Field>
        <Field label="Template" fault={undefined}>
          {(ids) => (
            <select
              {...ids}
              value=""
              onChange={({ target }) => {
                const template = TEMPLATES.find(({ name }) => name === target.value);
                if (template) set({ type: template.type, prompt: template.prompt });
              }}
            >
              <option value="">choose one to fill in the prompt</option>
              {TEMPLATES.map(({ name }) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          )}
        </Field>
        <Field label="Type" hint="A slug, by which jobs are compared" fault={faultOf('type')}>
          {(ids) => (
            <input {...ids} value={draft.type} onChange={({ target }) => set({ type: target.value })} />
          )}
        </Field>
      </div>
      <Field label="Prompt" hint="A draft is kept in this browser." fault={faultOf('prompt')}>
        {(ids) => (
          <textarea
            {...ids}
            rows={8}
            required
            value={draft.prompt}
            onChange={({ target }) => set({ prompt: target.value })}
          />
        )}
      </Field>
    </fieldset>
  );
}
