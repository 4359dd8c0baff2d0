import { useQuery } from '@tanstack/react-query';
import { getRouteApi } from '@tanstack/react-router';
import { jobQuery } from '../../api/queries.ts';
import { Text } from '../../text/text.tsx';
import { Heading } from '../../ui/heading.tsx';
import { Loading, ProblemBox } from '../../ui/problem.tsx';

const route = getRouteApi('/j/$jobId');

export function JobPage() {
  const { jobId } = route.useParams();
  const { data: job, error, refetch } = useQuery(jobQuery(jobId));
  return (
    <>
      <Heading title={job?.name ?? jobId}>
        <Text max={200}>{job?.name ?? jobId}</Text>
      </Heading>
      {!job && !error && <Loading />}
      {error && <ProblemBox error={error} retry={() => void refetch()} />}
    </>
  );
}
