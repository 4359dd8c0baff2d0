import { rotateCredential } from './admin/rotate-credential.ts';
import { handlerOf } from './answer.ts';

/** The function of the routes that write secrets; API Gateway sends it nothing else. */
export const handler = handlerOf({ routes: [rotateCredential] });
