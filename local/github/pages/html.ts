import { visibleParts, visibleText } from '../../../core/hidden-characters.ts';

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

const escaped = (text: string): string => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? '');

/** Markup. Only this module makes it, so that no text of a repository or a model becomes markup. */
export class Html {
  readonly markup: string;

  constructor(markup: string) {
    this.markup = markup;
  }
}

type Value = string | number | Html | readonly Html[] | undefined;

/** A template whose values are shown as text. Characters that would hide are shown as signs. */
export function html(strings: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(String.raw({ raw: strings }, ...values.map(markupOf)));
}

/** Text where no markup can be: within a title, or the quotes of an attribute. */
export function plain(text: string): Html {
  return new Html(escaped(visibleText(text)));
}

function markupOf(value: Value): string {
  if (value === undefined) return '';
  if (value instanceof Html) return value.markup;
  if (typeof value === 'number') return value.toLocaleString('en');
  if (typeof value === 'string') return visibleParts(value).map(partMarkup).join('');
  return value.map(({ markup }) => markup).join('');
}

function partMarkup(part: string | { sign: string }): string {
  return typeof part === 'string'
    ? escaped(part)
    : `<span class="hidden" title="a character that would not be seen">${escaped(part.sign)}</span>`;
}

/** Such as `2026-11-28 07:30 UTC`. */
export function time(iso: string | null): Html {
  return html`<time>${iso ? `${iso.slice(0, 16).replace('T', ' ')} UTC` : ''}</time>`;
}
