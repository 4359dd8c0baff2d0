import { type Measured, metricLine } from '../core/metrics.ts';
import { settings, traceId } from '../core/settings.ts';
import { invocationKeys, printLine } from './logger.ts';

/** Writes metrics into the function's log, from which CloudWatch takes them; none without METRICS_NAMESPACE. */
export function measure(measured: Measured): void {
  const { METRICS_NAMESPACE } = settings();
  if (!METRICS_NAMESPACE) return;
  const about = {
    timestamp: new Date().toISOString(),
    xray_trace_id: traceId(),
    ...invocationKeys(),
    ...measured.about,
  };
  const line = metricLine(METRICS_NAMESPACE, { ...measured, about });
  if (line) printLine(line);
}
