export type Template = { name: string; type: string; prompt: string };

/** Beginnings of the three usual kinds of a change, and an empty one. */
export const TEMPLATES: readonly Template[] = [
  { name: 'Own words', type: 'custom', prompt: '' },
  {
    name: 'Replace a pattern',
    type: 'code-pattern-update',
    prompt:
      "Replace all occurrences of 'OLD(' with 'NEW('.\n\nChange nothing else. Where the old form is part of a public interface, keep it and say so.",
  },
  {
    name: 'Fix a vulnerability',
    type: 'vulnerability-fix',
    prompt:
      'CVE-YYYY-NNNN: PACKAGE below VERSION allows ….\n\nFind where this repository is affected, fix it in the way that the advisory describes, and add a test that fails without the fix. If it is not affected, change nothing and say why.',
  },
  {
    name: 'Update a dependency',
    type: 'dependency-update',
    prompt:
      'Update PACKAGE to VERSION.\n\nFollow its migration guide. Update manifests and lock files, and adapt the code to changed interfaces. The tests have to pass.',
  },
];
