import type { Me } from '../../api/types.ts';
import type { FieldsProps } from './change-fields.tsx';
import { type Draft, othersOf } from './draft.ts';
import { Field } from './field.tsx';
import styles from './new-job.module.css';

const PULLS: readonly (readonly [Draft['pulls'], string])[] = [
  ['review', 'after my review'],
  ['once', 'at once'],
  ['none', 'only when asked for'],
];

const PULL_FIELDS = [
  ['title', 'Title', "Empty: the model's title"],
  ['branch', 'Branch', 'Empty: cody-batch/ and the identifier of the job'],
  ['labels', 'Labels', 'With commas between them'],
  ['reviewers', 'Reviewers', 'Such as login, or organization/team'],
] as const;

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
          label="Commands that prepare the clone"
          hint="One per line, such as npm ci"
          fault={faultOf('settings.setup')}
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={2}
              value={draft.setup}
              onChange={({ target }) => set({ setup: target.value })}
            />
          )}
        </Field>
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
        <div className={styles.row}>
          {PULL_FIELDS.map(([name, label, hint]) => (
            <Field key={name} label={label} hint={hint} fault={faultOf(`pullRequest.${name}`)}>
              {(ids) => (
                <input
                  {...ids}
                  value={draft[name]}
                  onChange={({ target }) => set({ [name]: target.value })}
                />
              )}
            </Field>
          ))}
        </div>
        <label>
          <input
            type="checkbox"
            checked={draft.isDraft}
            onChange={({ target }) => set({ isDraft: target.checked })}
          />{' '}
          as drafts
        </label>
      </fieldset>
      <details open={draft.others !== ''}>
        <summary>Further fields</summary>
        <Field
          label="Further fields of the request, as JSON"
          hint="As POST /jobs takes them: description, notify, settings such as shell or judge, pullRequest such as repair."
          fault={
            othersOf(draft.others)
              ? undefined
              : { field: 'others', message: 'This is not a JSON object. Correct or empty it.' }
          }
        >
          {(ids) => (
            <textarea
              {...ids}
              rows={6}
              spellCheck={false}
              value={draft.others}
              onChange={({ target }) => set({ others: target.value })}
            />
          )}
        </Field>
      </details>
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
