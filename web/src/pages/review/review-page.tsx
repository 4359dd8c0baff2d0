import { Heading } from '../../ui/heading.tsx';

export function ReviewPage() {
  return <Heading title="Review" />;
}
