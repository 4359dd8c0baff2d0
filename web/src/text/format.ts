const COUNT = new Intl.NumberFormat('en');
const COMPACT = new Intl.NumberFormat('en', { notation: 'compact', maximumFractionDigits: 1 });
const TIME = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });

const SHORT_TIME = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: 'numeric',
  minute: '2-digit',
});

export function count(value: number): string {
  return COUNT.format(value);
}

/** Such as 41 M. */
export function compact(value: number): string {
  return COMPACT.format(value);
}

/** Dollars; an unknown price is a dash and never 0. */
export function usd(value: number | null | undefined): string {
  if (value === undefined || value === null) return '—';
  if (value !== 0 && Math.abs(value) < 0.01) return `$${value.toFixed(4)}`;
  return `$${value.toLocaleString('en', { minimumFractionDigits: 2, maximumFractionDigits: 2 })}`;
}

export function time(iso: string | null | undefined): string {
  return iso ? TIME.format(new Date(iso)) : '—';
}

/** Without the year, for a table. */
export function shortTime(iso: string | null | undefined): string {
  return iso ? SHORT_TIME.format(new Date(iso)) : '—';
}

/** Such as `1 shape` or `2 shapes`. */
export function amount(value: number, one: string, many = `${one}s`): string {
  return `${count(value)} ${value === 1 ? one : many}`;
}

/** The first of some names, and how many more there are. */
export function someOf(names: readonly string[], shown = 5): string {
  const more = names.length - shown;
  return `${names.slice(0, shown).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}

/** Such as `3 min ago`. */
export function ago(iso: string | null | undefined, now = Date.now()): string {
  return iso ? `${duration(now - Date.parse(iso))} ago` : '—';
}

export function duration(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
}

export function percent(part: number, whole: number): string {
  return whole === 0 ? '—' : `${((100 * part) / whole).toFixed(1)} %`;
}
