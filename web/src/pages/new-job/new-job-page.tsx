import { Heading } from '../../ui/heading.tsx';

export function NewJobPage() {
  return <Heading title="New job" />;
}
