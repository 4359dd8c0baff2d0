/** The style of every page. The content security policy names its digest. */
export const STYLE = `
:root {
  color-scheme: light dark;
  font: 14px/1.5 system-ui, -apple-system, "Segoe UI", "Liberation Sans", sans-serif;
  --ground: light-dark(#fff, #14171c);
  --raised: light-dark(#f6f7f9, #1b1f26);
  --line: light-dark(#d5d9df, #333a44);
  --ink: light-dark(#1b1f24, #e6e9ee);
  --soft: light-dark(#545d68, #a3adb9);
  --accent: light-dark(#1f4fbf, #8db4ff);
  --good: light-dark(#116329, #5fd07f);
  --good-ground: light-dark(#ddf4e3, #12321d);
  --bad: light-dark(#a40e26, #ff9a94);
  --bad-ground: light-dark(#fde5e5, #3c1618);
  --warn: light-dark(#7a4a00, #f0c063);
  --warn-ground: light-dark(#fdf0d2, #35280c);
}
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink) }
main, footer { max-width: 76rem; margin: 0 auto; padding: 1rem }
main { overflow-wrap: anywhere }
h1 { font-size: 1.5rem; line-height: 1.25; margin: .5rem 0 }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .5rem }
a { color: var(--accent) }
small, .soft, footer { color: var(--soft) }
code, .diff, .text pre { font-family: ui-monospace, "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: .92em }
.text { white-space: pre-wrap; border: 1px solid var(--line); border-radius: 6px; padding: .75rem 1rem; max-height: 30rem; overflow: auto }
.state { display: inline-block; border-radius: 1rem; padding: 0 .6rem; background: var(--raised); border: 1px solid var(--line) }
.good { color: var(--good); background: var(--good-ground) }
.bad { color: var(--bad); background: var(--bad-ground) }
.warn { color: var(--warn); background: var(--warn-ground) }
.hidden { font: 600 .75em ui-monospace, "DejaVu Sans Mono", monospace; color: var(--warn); background: var(--warn-ground); border: 1px solid; border-radius: 3px; padding: 0 .25em; margin: 0 1px; white-space: nowrap; unicode-bidi: isolate }
.refusal { border: 1px solid var(--bad); background: var(--bad-ground); border-radius: 6px; padding: .75rem 1rem }
.actions { display: flex; flex-wrap: wrap; gap: .5rem 1rem; align-items: center; border: 1px solid var(--line); background: var(--raised); border-radius: 6px; padding: .75rem 1rem; margin: 1rem 0 }
.actions p, .actions form { margin: 0 }
button { font: inherit; color: inherit; min-height: 2.25rem; padding: .25rem .9rem; border: 1px solid var(--line); border-radius: 6px; background: var(--ground); cursor: pointer }
.merge { color: #fff; background: #1a7f37; border-color: #1a7f37 }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px }
ul { list-style: none; margin: 0; padding: 0 }
.list { border: 1px solid var(--line); border-radius: 6px }
.list > li { padding: .4rem .75rem }
.list > li + li { border-top: 1px solid var(--line) }
details { border: 1px solid var(--line); border-radius: 6px; margin: .5rem 0; overflow: hidden }
summary { padding: .4rem .75rem; background: var(--raised); cursor: pointer }
.plus { color: var(--good) }
.minus { color: var(--bad) }
.note { padding: .4rem .75rem; margin: 0 }
.lines { overflow-x: auto; border-top: 1px solid var(--line); overflow-wrap: normal }
.diff { border-collapse: collapse; min-width: 100%; line-height: 1.45 }
.diff td { padding: 0 .5rem; white-space: pre; tab-size: 4; unicode-bidi: isolate }
.diff .n { color: var(--soft); text-align: right; user-select: none; min-width: 3rem }
.diff .a { background: var(--good-ground) }
.diff .d { background: var(--bad-ground) }
.diff .h { background: var(--raised); color: var(--soft) }
`;
