import { type Measured, metricLine } from '../core/metrics.ts';
import { settings, traceId } from '../core/settings.ts';
import { invocationKeys, printLine } from './logger.ts';

/** Writes metrics into the function's log, from which CloudWatch takes them. */
export function measure(measured: Measured): void {
  const about = {
    timestamp: new Date().toISOString(),
    xray_trace_id: traceId(),
    ...invocationKeys(),
    ...measured.about,
  };
  const line = metricLine(settings().METRICS_NAMESPACE, { ...measured, about });
  if (line) printLine(line);
}
