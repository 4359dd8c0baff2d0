import { Heading } from '../../ui/heading.tsx';

export function PullsPage() {
  return <Heading title="Pull requests" />;
}
