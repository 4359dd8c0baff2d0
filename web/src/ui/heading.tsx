import { type ReactNode, useEffect } from 'react';
import { visibleText } from '../../../core/hidden-characters.ts';
import { Text } from '../text/text.tsx';

/** The heading of a page, which takes the focus on navigation, and the browser's title. */
export function Heading({ title, children }: { title: string; children?: ReactNode }) {
  useEffect(() => {
    document.title = `${visibleText(title.slice(0, 80))} · Cody Batch`;
  }, [title]);
  return <h1 tabIndex={-1}>{children ?? <Text max={200}>{title}</Text>}</h1>;
}
