export type ExecutionStatus = 'RUNNING' | 'SUCCEEDED' | 'FAILED' | 'TIMED_OUT' | 'ABORTED';

/** An execution as DescribeExecution shows it and as the disk holds it. Times are epoch milliseconds. */
export type ExecutionRecord = {
  arn: string;
  name: string;
  stateMachineArn: string;
  status: ExecutionStatus;
  /** JSON text, exactly as StartExecution received it. */
  input: string;
  startDate: number;
  stopDate?: number;
  /** JSON text. */
  output?: string;
  error?: string;
  cause?: string;
  /** How often a new process ran this execution again from its start, because the process before had died. */
  redriveCount: number;
  redriveDate?: number;
  /** Of a child execution: the Map run that started it. */
  mapRunArn?: string;
};
