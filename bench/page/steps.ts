import type { Page } from 'playwright-core';

/**
 * Code for the browser. It is text, because TypeScript has no types of the DOM in this folder. `settled` checks `isDone` at
 * each change of the document until it returns true, and then waits for the frame that shows the change.
 */
const SETTLED = `
  const painted = () => new Promise((done) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = done;
    channel.port2.postMessage(0);
  }));
  const settled = (isDone) => new Promise((done, fail) => {
    setTimeout(() => fail(new Error('The page did not change within 30 s: ' + isDone)), 30000);
    const check = () => {
      if (!isDone()) return;
      watcher.disconnect();
      painted().then(done);
    };
    const watcher = new MutationObserver(check);
    watcher.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
    check();
  });
  const quiet = () => new Promise((done) => setTimeout(done, 50));
`;

function measure<T>(page: Page, body: string): Promise<T> {
  return page.evaluate(`(async () => { ${SETTLED} ${body} })()`) as Promise<T>;
}

/** Milliseconds of each step through the filters of the table. */
export function filterStep(page: Page, steps: number): Promise<number[]> {
  return measure(
    page,
    `
    const form = document.querySelector('form[aria-label="Filter the repositories"]');
    const status = () => [...document.querySelectorAll('main span[role="status"]')].at(-1).textContent;
    const set = (field, value) => {
      const { set } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(field), 'value');
      set.call(field, value);
      field.dispatchEvent(new Event(field.tagName === 'SELECT' ? 'change' : 'input', { bubbles: true }));
    };
    const [state, outcome] = form.querySelectorAll('select');
    const name = form.querySelector('input');
    const wishes = [[name, 'r0'], [name, 'r00'], [name, ''], [state, 'failed'], [state, 'completed'], [outcome, 'changed'],
      [outcome, 'unchanged'], [outcome, ''], [state, '']];
    const times = [];
    for (let i = 0; i < ${steps}; i++) {
      const before = status();
      const start = performance.now();
      set(...wishes[i % wishes.length]);
      await settled(() => status() !== before);
      times.push(performance.now() - start);
      await quiet();
    }
    return times;`,
  );
}

/** Milliseconds of each jump through a list whose rows match `rows`. */
export function scrollStep(page: Page, scroller: string, rows: string, steps: number): Promise<number[]> {
  return measure(
    page,
    `
    const scroller = document.querySelector(${JSON.stringify(scroller)});
    const shown = () => [...scroller.querySelectorAll(${JSON.stringify(rows)})].at(-1)?.textContent;
    const times = [];
    for (let i = 1; i <= ${steps}; i++) {
      const before = shown();
      const start = performance.now();
      scroller.scrollTop = (scroller.scrollHeight - scroller.clientHeight) * ((i * 7) % ${steps} + 1) / ${steps + 1};
      await settled(() => shown() !== before);
      times.push(performance.now() - start);
      await quiet();
    }
    return times;`,
  );
}

/** Milliseconds from a click on the first such control to the frame with the first lines. */
export function firstLines(page: Page, control: string): Promise<number> {
  return measure(
    page,
    `
    const start = performance.now();
    document.querySelector(${JSON.stringify(control)}).click();
    await settled(() => document.querySelector('.diff-line') !== null);
    return performance.now() - start;`,
  );
}
