import { InvalidInputError } from '../../core/errors.ts';
import type { JobRequest } from '../../core/job.ts';
import type { Settings } from '../../core/settings.ts';

/** Refuses a webhook that the environment would not call. Its addresses are checked whenever a notice is sent. */
export function refuseWebhook({ notify }: Pick<JobRequest, 'notify'>, settings: Settings): void {
  if (!notify) return;
  const refuse = (what: string, expected: string): never => {
    throw new InvalidInputError(what, { field: 'notify', received: notify.url, expected });
  };
  if (!settings.JOB_NOTICES)
    refuse(
      'A job of this environment may not name a webhook. Leave notify out, or ask the operator to set JOB_NOTICES=true.',
      'no notify',
    );
  if (new URL(notify.url).protocol === 'http:' && !settings.NOTICE_LOOPBACK)
    refuse('notify.url begins with http://. Notices go by https only; send an https URL.', 'a URL of https');
}
