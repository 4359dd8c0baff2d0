import { expect, test } from '@jest/globals';
import { offlineJudgement } from '../../../local/model/offline-judge.ts';
import { JUDGE_FORMAT, JudgeAnswer, judgeMessage } from '../../../worker/judge/judge-prompt.ts';

const PROMPT = "Replace all occurrences of 'oldName(' with 'newName('.";

function judge(patch: string) {
  const message = judgeMessage(PROMPT, undefined, { patch, leftOut: [], verification: [] });
  const request = {
    model: 'offline',
    max_tokens: 1,
    messages: [message],
    output_config: { format: JUDGE_FORMAT },
  };
  const [block] = offlineJudgement(request).content;
  return JudgeAnswer.parse(JSON.parse((block as { text: string }).text));
}

const edit = (file: string, hunk: string) =>
  `diff --git a/${file} b/${file}\nindex 1..2 100644\n--- a/${file}\n+++ b/${file}\n${hunk}`;
const REPLACED = '@@ -3 +3 @@\n-  oldName(1);\n+  newName(1);\n';

test('a change that consists of the named replacements is approved', () => {
  expect(judge(edit('a.js', REPLACED) + edit('b.js', REPLACED))).toMatchObject({
    decision: 'approve',
    risk: 'low',
  });
});

test.each([
  [
    'an edit beside the replacement',
    edit('a.js', '@@ -3 +3 @@\n-  oldName(1);\n+  newName(2);\n'),
    'a.js',
    3,
  ],
  ['an added line', edit('a.js', `${REPLACED}@@ -9,0 +10 @@\n+eval(x);\n`), 'a.js', 10],
  ['a removed line', edit('a b.js', '@@ -7 +6,0 @@\n-assert(x);\n'), 'a b.js', 6],
  [
    'a new file',
    'diff --git a/n.js b/n.js\nnew file mode 100644\n--- /dev/null\n+++ b/n.js\n@@ -0,0 +1 @@\n+x\n',
    'n.js',
    0,
  ],
  ['a mode', 'diff --git a/m b/m\nold mode 100644\nnew mode 100755\n', 'diff --git a/m b/m', 0],
])('%s is sent back, with its place', (_, patch, file, line) => {
  expect(judge(patch)).toMatchObject({ decision: 'revise', risk: 'high', reasons: [{ file, line }] });
});
