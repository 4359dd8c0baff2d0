import { Aws } from 'aws-cdk-lib';
import { Dashboard, TextWidget } from 'aws-cdk-lib/aws-cloudwatch';
import type { Construct } from 'constructs';
import { claudeRow, type JobsProps, jobRows, pullRequestRow } from './dashboard-jobs.ts';
import {
  apiRow,
  functionRows,
  type ServicesProps,
  tableRow,
  webRow,
  workerLogRow,
} from './dashboard-services.ts';

export interface DashboardProps extends JobsProps, ServicesProps {}

/** The dashboard of an environment: jobs, workers, Claude and pull requests first, then the services below them. */
export class OperationsDashboard extends Dashboard {
  constructor(scope: Construct, id: string, props: DashboardProps) {
    super(scope, id, {
      dashboardName: `${props.names.stack}-${Aws.REGION}`,
      widgets: [
        [new TextWidget({ width: 24, height: 1, markdown: `# ${props.names.stack}` })],
        ...jobRows(props),
        claudeRow(props),
        pullRequestRow(props),
        apiRow(props),
        ...functionRows(props),
        tableRow(props),
        ...(props.distributionId ? [webRow(props.distributionId, props.cacheMetrics)] : []),
        workerLogRow(props),
      ],
    });
  }
}
