import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense } from 'react';
import { getText } from '../api/client.ts';
import { Empty, Loading, ProblemBox } from '../ui/problem.tsx';

const DiffView = lazy(() => import('./diff-view.tsx'));

/** The change of one repository. The viewer is loaded with the first one. */
export function Change({
  jobId,
  repositoryName,
  file,
  onFile,
}: {
  jobId: string;
  repositoryName: string;
  file?: string | undefined;
  onFile?: (name: string) => void;
}) {
  const { data, error, refetch } = useQuery({
    queryKey: ['diff', jobId, repositoryName],
    queryFn: ({ signal }) => getText(`/jobs/${jobId}/repositories/${repositoryName}/diff`, { signal }),
  });
  if (error) return <ProblemBox error={error} retry={() => void refetch()} />;
  const loading = <Loading rows={8} label="Loading the change" />;
  if (data === undefined) return loading;
  if (data === '') return <Empty title="There is no change" />;
  return (
    <Suspense fallback={loading}>
      <DiffView
        key={repositoryName}
        patch={data}
        label={`Change of ${repositoryName}`}
        file={file}
        {...(onFile && { onFile })}
      />
    </Suspense>
  );
}
