import { Heading } from '../../ui/heading.tsx';

export function DashboardPage() {
  return <Heading title="Dashboard" />;
}
