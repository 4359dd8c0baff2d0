import { SettingsError } from '../core/errors.ts';

/**
 * What memory Fargate gives how many vCPUs, in MiB:
 * https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
 */
const MEMORY: Readonly<Record<number, { least: number; most: number; step: number }>> = {
  0.5: { least: 1024, most: 4096, step: 1024 },
  1: { least: 2048, most: 8192, step: 1024 },
  2: { least: 4096, most: 16_384, step: 1024 },
  4: { least: 8192, most: 30_720, step: 1024 },
  8: { least: 16_384, most: 61_440, step: 4096 },
  16: { least: 32_768, most: 122_880, step: 8192 },
};
const MEMORY_OF_A_QUARTER = [512, 1024, 2048];

/** Throws SettingsError where Batch would refuse the size only at the deployment. */
export function requireFargateSize(vcpu: number, memoryMiB: number): void {
  const range = MEMORY[vcpu];
  const fits = range
    ? memoryMiB >= range.least && memoryMiB <= range.most && memoryMiB % range.step === 0
    : MEMORY_OF_A_QUARTER.includes(memoryMiB);
  if (fits) return;
  const admitted = range
    ? `${range.least} to ${range.most} in steps of ${range.step}`
    : MEMORY_OF_A_QUARTER.join(', ');
  throw new SettingsError(
    `workerMemoryMiB is ${memoryMiB}. With workerVcpu ${vcpu} Fargate gives ${admitted} MiB. Set workerMemoryMiB to one of these, or change workerVcpu.`,
  );
}
