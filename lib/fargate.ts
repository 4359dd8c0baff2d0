import { SettingsError } from '../core/errors.ts';

/**
 * The memory in MiB that Fargate allows for each number of vCPUs:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
const MEMORY: Readonly<Record<number, { min: number; max: number; step: number }>> = {
  0.5: { min: 1024, max: 4096, step: 1024 },
  1: { min: 2048, max: 8192, step: 1024 },
  2: { min: 4096, max: 16_384, step: 1024 },
  4: { min: 8192, max: 30_720, step: 1024 },
  8: { min: 16_384, max: 61_440, step: 4096 },
  16: { min: 32_768, max: 122_880, step: 8192 },
};
const MEMORY_OF_A_QUARTER = [512, 1024, 2048];

/** Throws SettingsError for a size that Batch would reject, before anything is deployed. */
export function requireFargateSize(vcpu: number, memoryMiB: number): void {
  const range = MEMORY[vcpu];
  const fits = range
    ? memoryMiB >= range.min && memoryMiB <= range.max && memoryMiB % range.step === 0
    : MEMORY_OF_A_QUARTER.includes(memoryMiB);
  if (fits) return;
  const allowed = range
    ? `${range.min} to ${range.max} in steps of ${range.step}`
    : MEMORY_OF_A_QUARTER.join(', ');
  throw new SettingsError(
    `workerMemoryMiB is ${memoryMiB}, but with workerVcpu ${vcpu} Fargate allows ${allowed} MiB. Set workerMemoryMiB to one of these, or change workerVcpu.`,
  );
}
