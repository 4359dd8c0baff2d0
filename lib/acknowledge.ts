import { Validations } from 'aws-cdk-lib';
import type { IConstruct } from 'constructs';

/** States for findings of cdk-nag why each is right here; the reason is what a reviewer reads. */
export function acknowledge(construct: IConstruct, reasons: Readonly<Record<string, string>>): void {
  Validations.of(construct).acknowledge(...Object.entries(reasons).map(([id, reason]) => ({ id, reason })));
}
