import type { FileChange } from '../objects/changes.ts';
import { type Html, html, plain } from './html.ts';

/** More lines stop a browser's layout for seconds. */
const MAX_LINES = 20_000;
/** Files with more lines are closed at first. */
const MAX_OPEN_LINES = 1000;
/** As much of one line as a reader can judge; minified files have lines of megabytes. */
const MAX_LINE_LENGTH = 2000;

/** The changed files with their lines in colours. Nothing is left out silently: `diffUrl` has all of it. */
export function filesHtml(files: readonly FileChange[], diffUrl: string): Html {
  let left = MAX_LINES;
  const shown = files.map((file) => {
    const lines = file.patch?.split('\n') ?? [];
    const part = lines.slice(0, Math.max(0, left));
    left -= lines.length;
    return fileHtml(file, part, lines.length - part.length, diffUrl);
  });
  return html`${shown}`;
}

function fileHtml(file: FileChange, lines: readonly string[], leftOut: number, diffUrl: string): Html {
  const name = file.previous_filename
    ? html`<bdi>${file.previous_filename}</bdi> → <bdi>${file.filename}</bdi>`
    : html`<bdi>${file.filename}</bdi>`;
  const rest =
    leftOut > 0
      ? html`<p class="note warn">${leftOut} more lines of this file are not shown. They are in <a href="${plain(diffUrl)}">the diff as text</a>.</p>`
      : undefined;
  const isOpen = lines.length + leftOut <= MAX_OPEN_LINES;
  return html`<details${isOpen ? html` open` : undefined}>
<summary><code>${name}</code> <span class="soft">${file.status}</span> <span class="plus">+${file.additions}</span> <span class="minus">−${file.deletions}</span></summary>
${file.patch === undefined ? html`<p class="note soft">No lines to show: the file is binary or empty, or only its name or mode has changed.</p>` : undefined}
${lines.length > 0 ? html`<div class="lines" role="region" tabindex="0" aria-label="Changed lines of ${plain(file.filename.slice(0, 200))}"><table class="diff">${rowsOf(lines)}</table></div>` : undefined}
${rest}
</details>`;
}

function rowsOf(lines: readonly string[]): Html[] {
  let before = 0;
  let after = 0;
  return lines.map((line) => {
    const hunk = /^@@ -(\d+)(?:,\d+)? \+(\d+)/.exec(line);
    if (hunk) {
      before = Number(hunk[1]);
      after = Number(hunk[2]);
      return row('h', '', '', line);
    }
    if (line.startsWith('+')) return row('a', '', after++, line);
    if (line.startsWith('-')) return row('d', before++, '', line);
    // "\ No newline at end of file"
    if (!line.startsWith(' ')) return row('h', '', '', line);
    return row('', before++, after++, line);
  });
}

function row(kind: string, before: number | '', after: number | '', line: string): Html {
  const text =
    line.length <= MAX_LINE_LENGTH
      ? html`${line}`
      : html`${line.slice(0, MAX_LINE_LENGTH)}<span class="warn"> … ${line.length} characters</span>`;
  return html`<tr class="${kind}"><td class="n">${String(before)}</td><td class="n">${String(after)}</td><td>${text}</td></tr>\n`;
}
