import { InvalidInputError } from '../../core/errors.ts';
import type { JobRequest } from '../../core/job.ts';
import { isModelPriced, type Settings } from '../../core/settings.ts';
import { RouteInputError } from './problem.ts';

/** The part of a request that the environment's settings limit. */
type Asked = Partial<
  Pick<JobRequest, 'maxRepositories' | 'maxConcurrency' | 'maxCostUsd' | 'settings' | 'pullRequest'>
>;

/** Refuses what the environment's settings do not allow, before any work is paid. */
export function refuseAgainstSettings(asked: Asked, settings: Settings): void {
  refuseAboveCeilings(asked, settings);
  refuseModel(asked, settings);
  refuseSignOffWithoutAuthor(asked, settings);
  refuseCommandSecrets(asked, settings);
  refuseImage(asked, settings);
}

/** The Signed-off-by line names the author of the commit, so the author must be known before any work is paid. */
function refuseSignOffWithoutAuthor({ pullRequest }: Asked, settings: Settings): void {
  if (!(pullRequest?.signOff ?? settings.SIGN_OFF) || settings.COMMIT_AUTHOR) return;
  throw new InvalidInputError(
    'pullRequest.signOff needs the author of the commit, and COMMIT_AUTHOR is not set. Set COMMIT_AUTHOR ("Name <address>") in the environment, or leave signOff out.',
    {
      field: 'pullRequest.signOff',
      received: true,
      expected: 'false, or COMMIT_AUTHOR in the environment',
    },
  );
}

function refuseCommandSecrets({ settings: asked }: Asked, { COMMAND_SECRETS }: Settings): void {
  const refused = asked?.commandSecrets?.filter((name) => !COMMAND_SECRETS.includes(name)) ?? [];
  if (refused.length === 0) return;
  const allowed = COMMAND_SECRETS.join(', ') || 'no secret';
  throw new InvalidInputError(
    `settings.commandSecrets names ${refused.join(', ')}, but COMMAND_SECRETS allows ${allowed}. Leave it out, or ask the operator to add it to COMMAND_SECRETS.`,
    { field: 'settings.commandSecrets', received: refused, expected: `names among ${allowed}` },
  );
}

function refuseImage({ settings: asked }: Asked, { WORKER_IMAGES }: Settings): void {
  const { image } = asked ?? {};
  if (image === undefined || WORKER_IMAGES.includes(image)) return;
  const images = WORKER_IMAGES.join(', ') || 'none to choose from';
  throw new InvalidInputError(
    `settings.image is ${image}, but the worker images of this environment are ${images}. Use one of these, leave it out, or ask the operator to add yours to workerImages.`,
    { field: 'settings.image', received: image, expected: `one of ${images}` },
  );
}

/** Refuses values above the limits that the environment's settings give. */
function refuseAboveCeilings(request: Asked, settings: Settings): void {
  const { maxRepositories, maxConcurrency, maxCostUsd, settings: ofRepository = {} } = request;
  const asked = [
    ['maxRepositories', maxRepositories, 'MAX_REPOSITORIES'],
    ['maxConcurrency', maxConcurrency, 'MAX_CONCURRENCY'],
    ['maxCostUsd', maxCostUsd, 'MAX_JOB_COST_USD'],
    ['settings.maxTurns', ofRepository.maxTurns, 'MAX_TURNS'],
    ['settings.maxCostUsd', ofRepository.maxCostUsd, 'MAX_REPOSITORY_COST_USD'],
    ['settings.maxMinutes', ofRepository.maxMinutes, 'MAX_MINUTES'],
  ] as const;
  const faults = asked.flatMap(([field, received, setting]) =>
    received !== undefined && received > settings[setting]
      ? [{ field, received, expected: `at most ${settings[setting]}, by the setting ${setting}` }]
      : [],
  );
  if (faults.length > 0) throw new RouteInputError(faults, false);
}

/** Without a known price, the caps on cost cannot be enforced. */
function refuseModel({ settings: asked }: Asked, settings: Settings): void {
  refuseModelOf('settings.model', asked?.model ?? settings.CLAUDE_MODEL, settings);
  if (asked?.judge?.model !== undefined) refuseModelOf('settings.judge.model', asked.judge.model, settings);
}

function refuseModelOf(field: string, model: string, settings: Settings): void {
  const at = { field, received: model };
  const { ALLOWED_MODELS } = settings;
  if (ALLOWED_MODELS.length > 0 && !ALLOWED_MODELS.includes(model)) {
    throw new InvalidInputError(
      `The model ${model} is not allowed; ALLOWED_MODELS allows ${ALLOWED_MODELS.join(', ')}. Use one of these, or ask the operator to add yours.`,
      { ...at, expected: `one of ${ALLOWED_MODELS.join(', ')}` },
    );
  }
  if (settings.ALLOW_UNPRICED_MODELS || isModelPriced(model, settings)) return;
  throw new InvalidInputError(
    `The price of ${model} is not known, so no cap on its cost can be enforced. Use another model, or ask the operator to set its price in MODEL_PRICES, or to set ALLOW_UNPRICED_MODELS=true.`,
    { ...at, expected: 'a model with a known price' },
  );
}
