import {
  createRootRoute,
  createRoute,
  createRouter,
  type ErrorComponentProps,
  lazyRouteComponent,
} from '@tanstack/react-router';
import { dashboardSearch } from '../pages/dashboard/dashboard-search.ts';
import { JobPage } from '../pages/job/job-page.tsx';
import { jobSearch } from '../pages/job/job-search.ts';
import { JobsPage } from '../pages/jobs/jobs-page.tsx';
import { jobsSearch } from '../pages/jobs/jobs-search.ts';
import { newJobSearch } from '../pages/new-job/new-job-search.ts';
import { pullsSearch } from '../pages/pulls/pulls-search.ts';
import { repositorySearch } from '../pages/repository/repository-search.ts';
import { reviewSearch } from '../pages/review/review-search.ts';
import { Heading } from '../ui/heading.tsx';
import { ProblemBox } from '../ui/problem.tsx';
import { Layout } from './layout.tsx';

/** The page's paths. None is a path of the API, which shares the port on one machine. */
const root = createRootRoute({ component: Layout, notFoundComponent: NotFound, errorComponent: Failed });

const dashboard = createRoute({
  getParentRoute: () => root,
  path: '/',
  component: lazyRouteComponent(() => import('../pages/dashboard/dashboard-page.tsx'), 'DashboardPage'),
  validateSearch: dashboardSearch,
});

const jobs = createRoute({
  getParentRoute: () => root,
  path: '/j',
  component: JobsPage,
  validateSearch: jobsSearch,
});

const job = createRoute({
  getParentRoute: () => root,
  path: '/j/$jobId',
  component: JobPage,
  validateSearch: jobSearch,
});

const review = createRoute({
  getParentRoute: () => root,
  path: '/j/$jobId/review',
  component: lazyRouteComponent(() => import('../pages/review/review-page.tsx'), 'ReviewPage'),
  validateSearch: reviewSearch,
});

const repository = createRoute({
  getParentRoute: () => root,
  path: '/j/$jobId/r/$owner/$name',
  component: lazyRouteComponent(() => import('../pages/repository/repository-page.tsx'), 'RepositoryPage'),
  validateSearch: repositorySearch,
});

const newJob = createRoute({
  getParentRoute: () => root,
  path: '/new',
  component: lazyRouteComponent(() => import('../pages/new-job/new-job-page.tsx'), 'NewJobPage'),
  validateSearch: newJobSearch,
});

const pulls = createRoute({
  getParentRoute: () => root,
  path: '/pulls',
  component: lazyRouteComponent(() => import('../pages/pulls/pulls-page.tsx'), 'PullsPage'),
  validateSearch: pullsSearch,
});

const routeTree = root.addChildren([dashboard, jobs, job, review, repository, newJob, pulls]);

export const router = createRouter({ routeTree, defaultPreload: 'intent', defaultPreloadStaleTime: 0 });

declare module '@tanstack/react-router' {
  interface Register {
    router: typeof router;
  }
}

function NotFound() {
  return (
    <>
      <Heading title="There is no such page" />
      <p>
        The address does not name a page. <a href="/">The dashboard</a> leads to all of them.
      </p>
    </>
  );
}

/** An error of the page itself, such as a part that could not be loaded after a deployment. */
function Failed({ error }: ErrorComponentProps) {
  return (
    <>
      <Heading title="The page has an error" />
      <ProblemBox error={error as Error} retry={() => location.reload()} />
    </>
  );
}
