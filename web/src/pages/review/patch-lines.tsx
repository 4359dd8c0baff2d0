import { useQuery } from '@tanstack/react-query';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useMemo, useRef } from 'react';
import { getText } from '../../api/client.ts';
import { Text } from '../../text/text.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';
import styles from './review.module.css';

const LINE_PX = 20;
const WORDS = { '+': 'added', '-': 'removed', '@': 'place', ' ': '' } as const;

/** The patch of one repository, line by line; only the lines on screen are in the document. */
export function PatchLines({ jobId, repositoryName }: { jobId: string; repositoryName: string }) {
  const { data, error, refetch } = useQuery({
    queryKey: ['diff', jobId, repositoryName],
    queryFn: ({ signal }) => getText(`/jobs/${jobId}/repositories/${repositoryName}/diff`, { signal }),
  });
  const lines = useMemo(() => (data ?? '').replace(/\n$/, '').split('\n'), [data]);
  const scroller = useRef<HTMLElement>(null);
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
  });
  if (error) return <ProblemBox error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading rows={8} label="Loading the patch" />;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard.
    <section ref={scroller} className={styles.patch} tabIndex={0} aria-label={`Patch of ${repositoryName}`}>
      <div style={{ height: virtual.getTotalSize() }}>
        {virtual.getVirtualItems().map(({ index, start }) => {
          const kind = kindOf(lines[index]!);
          return (
            <div key={index} data-kind={kind} style={{ transform: `translateY(${start}px)` }}>
              {WORDS[kind] && <span className="visually-hidden">{WORDS[kind]}: </span>}
              <Text max={1000}>{lines[index]}</Text>
            </div>
          );
        })}
      </div>
    </section>
  );
}

function kindOf(line: string): keyof typeof WORDS {
  if (/^(?:\+\+\+|---) /.test(line)) return ' ';
  const [first] = line;
  return first === '+' || first === '-' || first === '@' ? first : ' ';
}
