import { Aws } from 'aws-cdk-lib';

/** The names of an environment's resources: `cody-batch-{environment}-…`. */
export class Names {
  readonly #prefix: string;

  constructor(environment: string) {
    this.#prefix = `cody-batch-${environment}`;
  }

  get stack(): string {
    return this.#prefix;
  }

  /** CloudWatch's namespace of the environment's own metrics. */
  get metrics(): string {
    return `CodyBatch/${this.#prefix}`;
  }

  of(part: string): string {
    return `${this.#prefix}-${part}`;
  }

  /** For services whose names are unique across all regions of an account. */
  acrossRegions(part: string): string {
    return `${this.of(part)}-${Aws.REGION}`;
  }

  /** Bucket names are unique across all of AWS. */
  bucket(part: string): string {
    return `${this.#prefix}-${part}-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
  }
}
