import { useRouter } from '@tanstack/react-router';
import type { MouseEvent } from 'react';
import { visibleText } from '../../../../core/hidden-characters.ts';
import { Text } from '../../text/text.tsx';

/** A plain anchor: the router's own link costs several times as much, and a table draws dozens at each step of scrolling. */
export function RepositoryLink({ jobId, repositoryName }: { jobId: string; repositoryName: string }) {
  const router = useRouter();
  const [owner = '', name = ''] = repositoryName.split('/');
  const open = (event: MouseEvent) => {
    // Another tab, window or a download is the browser's.
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    void router.navigate({ to: '/j/$jobId/r/$owner/$name', params: { jobId, owner, name } });
  };
  return (
    <a
      href={`/j/${jobId}/r/${encodeURIComponent(owner)}/${encodeURIComponent(name)}`}
      onClick={open}
      title={repositoryName.length > 24 ? visibleText(repositoryName) : undefined}
    >
      <Text max={200}>{repositoryName}</Text>
    </a>
  );
}
