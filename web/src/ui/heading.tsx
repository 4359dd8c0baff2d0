import { type ReactNode, useEffect } from 'react';

/** The heading of a page, which takes the focus on navigation, and the browser's title. */
export function Heading({ title, children }: { title: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${title.slice(0, 80)} · Cody Batch`;
  }, [title]);
  return <h1 tabIndex={-1}>{children ?? title}</h1>;
}
