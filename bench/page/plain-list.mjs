/** The floor: the lines of a text, windowed by TanStack Virtual, without anything else. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { createElement as h, useRef, useState } from 'react';
import { createRoot } from 'react-dom/client';

function Lines({ lines }) {
  const scroller = useRef(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 20,
  });
  const shown = virtual.getVirtualItems().map(({ index, key, start }) => {
    const style = { position: 'absolute', whiteSpace: 'pre', transform: `translateY(${start}px)` };
    return h('div', { key, className: 'diff-line', style }, lines[index]);
  });
  return h(
    'div',
    { ref: scroller, id: 'scroller', style: { height: 600, overflow: 'auto' } },
    h('div', { style: { position: 'relative', height: virtual.getTotalSize() } }, shown),
  );
}

function Page() {
  const [lines, setLines] = useState(undefined);
  const show = async () => {
    const response = await fetch(location.hash.slice(1));
    setLines((await response.text()).split('\n'));
  };
  return lines ? h(Lines, { lines }) : h('button', { type: 'button', onClick: show }, 'diff');
}

createRoot(document.getElementById('root')).render(h(Page));
