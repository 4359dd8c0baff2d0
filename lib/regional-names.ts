import { Aws } from 'aws-cdk-lib';
import type { Names } from './names.ts';

/** For services whose names are unique across all regions of an account. */
export function acrossRegions(names: Names, part: string): string {
  return `${names.of(part)}-${Aws.REGION}`;
}

/** Bucket names are unique across all of AWS. */
export function bucketName(names: Names, part: string): string {
  return `${names.of(part)}-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
}
