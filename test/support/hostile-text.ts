/** Texts that would run, hide, or break the layout of a page that took text for more than text. */
export const HOSTILE_TEXTS: readonly string[] = [
  '<script>globalThis.ran = true; alert(1)</script>',
  '"><img src=https://evil.example/x.png onerror="globalThis.ran = true">',
  '<svg onload="globalThis.ran = true"><a href="javascript:alert(1)">x</a></svg>',
  '</title></textarea></style><iframe srcdoc="<script>parent.ran = true</script>"></iframe>',
  '[click](javascript:alert(1)) ![pixel](https://evil.example/pixel.gif) <https://evil.example>',
  'javascript:alert(1)',
  '\u202Ereversed\u202C \u2066isolated\u2069 zero\u200Bwidth\uFEFF tag\u{E0041} filler\u3164',
  '\u001B[31mred\u001B[0m \u001B]8;;https://evil.example\u0007link\u001B]8;;\u0007 \u0008\u0008\u009B2J',
  `Zalgo ${'Z\u0335\u0322\u031B\u0334'.repeat(40)}`,
  `one${'W'.repeat(3000)}word`,
  'مرحبا עברית \u200F mixed with a = b;',
];

export const HOSTILE_LINE = HOSTILE_TEXTS.join(' ');
