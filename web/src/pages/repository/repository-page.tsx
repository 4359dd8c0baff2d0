import { getRouteApi } from '@tanstack/react-router';
import { Heading } from '../../ui/heading.tsx';

const route = getRouteApi('/j/$jobId/r/$owner/$name');

export function RepositoryPage() {
  const { owner, name } = route.useParams();
  return <Heading title={`${owner}/${name}`} />;
}
