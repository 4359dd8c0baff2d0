import { Link } from '@tanstack/react-router';
import { Text } from '../../text/text.tsx';

export function RepositoryLink({ jobId, repositoryName }: { jobId: string; repositoryName: string }) {
  const [owner = '', name = ''] = repositoryName.split('/');
  return (
    <Link to="/j/$jobId/r/$owner/$name" params={{ jobId, owner, name }} preload={false}>
      <Text max={200}>{repositoryName}</Text>
    </Link>
  );
}
