import { useQuery } from '@tanstack/react-query';
import { getText, pathOf } from '../api/client.ts';
import { Empty, Loading, ProblemBox } from '../ui/problem.tsx';

const viewer = () => import('./diff-view.tsx');
// Asked for at once, so that it is there when the change is. A failure is shown where it is needed.
viewer().catch(() => {});

/**
 * The change of one repository. With `patchSha` it is that patch or none: a person decides about what was on screen.
 */
export function Change({
  jobId,
  repositoryName,
  patchSha,
  run,
  file,
  line,
  onFile,
}: {
  jobId: string;
  repositoryName: string;
  patchSha: string | undefined;
  /** An earlier run, whose patch is shown. */
  run?: number | undefined;
  file?: string | undefined;
  line?: number | undefined;
  onFile?: (name: string) => void;
}) {
  // Both in one query: React holds content back for 300 ms where it has shown the fallback of a lazy component.
  const { data, error, refetch } = useQuery({
    queryKey: ['diff', jobId, repositoryName, patchSha, run],
    queryFn: async ({ signal }) => {
      const path = pathOf(`/jobs/${jobId}/repositories/${repositoryName}/diff`, { patchSha, run });
      const [patch, { default: DiffView }] = await Promise.all([getText(path, { signal }), viewer()]);
      return { patch, DiffView };
    },
    structuralSharing: false,
  });
  if (error) return <ProblemBox error={error} retry={() => void refetch()} />;
  if (data === undefined) return <Loading rows={8} label="Loading the change" />;
  const { patch, DiffView } = data;
  if (patch === '') return <Empty title="There is no change" />;
  return (
    <DiffView
      key={`${repositoryName} ${patchSha} ${run}`}
      patch={patch}
      label={`Change of ${repositoryName}`}
      viewedAs={`${jobId} ${repositoryName} ${patchSha ?? run}`}
      file={file}
      line={line}
      {...(onFile && { onFile })}
    />
  );
}
