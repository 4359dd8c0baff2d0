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
}
