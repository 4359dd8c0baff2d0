import { Aws } from 'aws-cdk-lib';

/** Every name of an environment: `cody-batch-{environment}-…`. */
export class Names {
  readonly #prefix: string;

  constructor(environment: string) {
    this.#prefix = `cody-batch-${environment}`;
  }

  get stack(): string {
    return this.#prefix;
  }

  of(part: string): string {
    return `${this.#prefix}-${part}`;
  }

  /** Some services have one list of names for all regions of an account. */
  acrossRegions(part: string): string {
    return `${this.of(part)}-${Aws.REGION}`;
  }

  /** Bucket names are global to all of AWS. */
  bucket(part: string): string {
    return `${this.#prefix}-${part}-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
  }
}
