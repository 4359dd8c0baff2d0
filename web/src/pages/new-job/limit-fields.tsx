import type { Me } from '../../api/types.ts';
import type { FieldsProps } from './change-fields.tsx';
import type { Draft } from './draft.ts';
import { Field } from './field.tsx';
import styles from './new-job.module.css';

const PULLS: readonly (readonly [Draft['pulls'], string])[] = [
  ['review', 'after my review'],
  ['once', 'at once'],
  ['none', 'only when asked for'],
];

/** Limits, checks and pull requests. An empty field takes the default that it shows. */
export function LimitFields({ draft, set, faultOf, me }: FieldsProps & { me: Me | undefined }) {
  const numbers = [
    ['repositoryCostUsd', 'Dollars per repository', 'settings.maxCostUsd', me?.defaults.maxRepositoryCostUsd],
    ['maxTurns', 'Turns per repository', 'settings.maxTurns', me?.defaults.maxTurns],
    ['maxMinutes', 'Minutes per repository', 'settings.maxMinutes', me?.defaults.maxMinutes],
    ['jobCostUsd', 'Dollars in all', 'maxCostUsd', me?.defaults.maxCostUsd],
    ['maxConcurrency', 'At once', 'maxConcurrency', me?.defaults.maxConcurrency],
  ] as const;
  return (
    <>
      <fieldset>
        <legend>3 Limits and checks</legend>
        <div className={styles.row}>
          {numbers.map(([name, label, field, preset]) => (
            <Field key={name} label={label} fault={faultOf(field)}>
              {(ids) => (
                <input
                  {...ids}
                  type="number"
                  min={0}
                  step="any"
                  placeholder={preset === undefined ? '' : String(preset)}
                  value={draft[name]}
                  onChange={({ target }) => set({ [name]: target.value })}
                />
              )}
            </Field>
          ))}
          <Field label="Model" fault={faultOf('settings.model')}>
            {(ids) => (
              <input
                {...ids}
                placeholder={me?.limits.defaultModel}
                value={draft.model}
                onChange={({ target }) => set({ model: target.value })}
              />
            )}
          </Field>
          <ImageField draft={draft} set={set} faultOf={faultOf} images={me?.limits.workerImages ?? []} />
        </div>
        <Field
          label="Commands that must pass"
          hint="One per line, such as npm test"
          fault={faultOf('settings.verify')}
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={2}
              value={draft.verify}
              onChange={({ target }) => set({ verify: target.value })}
            />
          )}
        </Field>
        <details>
          <summary>Which files</summary>
          <div className={styles.row}>
            <Field label="Only these globs" fault={faultOf('settings.include')}>
              {(ids) => (
                <textarea
                  {...ids}
                  rows={2}
                  value={draft.include}
                  onChange={({ target }) => set({ include: target.value })}
                />
              )}
            </Field>
            <Field label="None of these globs" fault={faultOf('settings.exclude')}>
              {(ids) => (
                <textarea
                  {...ids}
                  rows={2}
                  value={draft.exclude}
                  onChange={({ target }) => set({ exclude: target.value })}
                />
              )}
            </Field>
          </div>
        </details>
      </fieldset>
      <fieldset>
        <legend>4 Pull requests</legend>
        {PULLS.map(([value, label]) => (
          <label key={value}>
            <input
              type="radio"
              name="pulls"
              checked={draft.pulls === value}
              onChange={() => set({ pulls: value })}
            />{' '}
            {label}
          </label>
        ))}
        <Field label="Title" hint="Empty: the model's title" fault={faultOf('pullRequest.title')}>
          {(ids) => (
            <input {...ids} value={draft.title} onChange={({ target }) => set({ title: target.value })} />
          )}
        </Field>
      </fieldset>
    </>
  );
}

/** Absent where there is nothing to choose. A draft may name an image that the environment no longer has. */
function ImageField({ draft, set, faultOf, images }: FieldsProps & { images: readonly string[] }) {
  const isKnown = draft.image === '' || images.includes(draft.image);
  if (images.length < 2 && isKnown) return null;
  return (
    <Field label="Worker image" hint="Its toolchain" fault={faultOf('settings.image')}>
      {(ids) => (
        <select
          {...ids}
          value={draft.image || images[0]}
          onChange={({ target }) => set({ image: target.value })}
        >
          {[...images, ...(isKnown ? [] : [draft.image])].map((name) => (
            <option key={name}>{name}</option>
          ))}
        </select>
      )}
    </Field>
  );
}
