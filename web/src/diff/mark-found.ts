const NAME = 'found';
/** What holds one line. */
const LINE = '.diff-code, pre > div';

/** Marks a text in the lines that are in the document, without changing them; an older browser marks nothing. */
export function markFound(scroller: Element, text: string): void {
  if (!('highlights' in CSS)) return;
  CSS.highlights.delete(NAME);
  if (text === '') return;
  const ranges = [...scroller.querySelectorAll(LINE)].flatMap((line) => rangesIn(line, text.toLowerCase()));
  if (ranges.length > 0) CSS.highlights.set(NAME, new Highlight(...ranges));
}

function rangesIn(line: Element, wanted: string): Range[] {
  const walker = document.createTreeWalker(line, NodeFilter.SHOW_TEXT);
  const nodes: { node: Node; start: number }[] = [];
  let whole = '';
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    nodes.push({ node, start: whole.length });
    whole += node.nodeValue;
  }
  const text = whole.toLowerCase();
  const ranges: Range[] = [];
  // Lower case may have another length, as that of İ; such a line is found and not marked.
  if (text.length !== whole.length) return ranges;
  for (let at = text.indexOf(wanted); at >= 0; at = text.indexOf(wanted, at + wanted.length)) {
    const range = document.createRange();
    const [first, last] = [at, at + wanted.length].map(
      (offset, side) => nodes.findLast(({ start }) => (side === 0 ? start <= offset : start < offset))!,
    );
    range.setStart(first!.node, at - first!.start);
    range.setEnd(last!.node, at + wanted.length - last!.start);
    ranges.push(range);
  }
  return ranges;
}
