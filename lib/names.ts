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

  /** Bucket names are global to all of AWS. */
  bucket(part: string): string {
    return `${this.#prefix}-${part}-${Aws.ACCOUNT_ID}-${Aws.REGION}`;
  }
}
