import type { MergeMethod } from '../../../../../core/pull-request-operation.ts';
import { isRunning } from '../../../api/polling.ts';
import type { JobPage, ListedPullRequest } from '../../../api/types.ts';
import { amount, count } from '../../../text/format.ts';
import { FormDialog, formStyles } from '../../../ui/form-dialog.tsx';
import { useKept } from '../../../ui/kept.ts';
import { ProblemBox } from '../../../ui/problem.tsx';
import { type RunBody, useStartRun } from '../job-mutations.ts';
import type { Row } from '../rows.ts';
import { Names } from './names.tsx';
import { countReasons, OPERATIONS, type Operation, reviewersOf, splitFor } from './operations.ts';

const METHODS: readonly MergeMethod[] = ['squash', 'merge', 'rebase'];

/** What the forms of all operations ask for. */
type Wish = {
  comment: string;
  method: MergeMethod;
  reviewers: string;
  title: string;
  labels: string;
  isDraft: boolean;
};

/** A button for one operation on these repositories. Its dialog says how many it takes, which, and why not the others. */
export function Operate({
  operation,
  job,
  rows,
  pulls,
  onStarted,
}: {
  operation: Operation;
  job: JobPage;
  rows: readonly Row[];
  pulls: ReadonlyMap<string, ListedPullRequest>;
  onStarted: () => void;
}) {
  const start = useStartRun(job.jobId, 'pull-requests');
  const name = `${job.jobId} ${operation}`;
  const empty: Wish = {
    comment: '',
    method: 'squash',
    reviewers: (job.pullRequest?.reviewers ?? []).join(', '),
    title: '',
    labels: '',
    isDraft: false,
  };
  const [wish, setWish] = useKept(`${name} wish`, empty);
  const { verb, does } = OPERATIONS[operation];
  const { taken, leftOut } = splitFor(operation, rows, job, pulls);
  const [mostFrequent] = countReasons(leftOut);
  const isBusy = operation !== 'open' && isRunning(job);
  const isComplete = operation !== 'comment' || wish.comment.trim() !== '';
  const set = (change: Partial<Wish>) => setWish({ ...wish, ...change });
  return (
    <FormDialog
      name={name}
      label={`${verb} (${count(taken.length)})…`}
      title={`${verb}: ${amount(taken.length, 'pull request')}`}
      submit={`${verb} ${count(taken.length)}`}
      // A run that is under way takes no operation but opening.
      disabled={taken.length === 0 || isBusy}
      hint={
        isBusy
          ? 'The job runs. Wait for its end, or cancel it.'
          : taken.length === 0 && mostFrequent
            ? `Takes none of them, mostly because ${mostFrequent.reason}.`
            : undefined
      }
      canSubmit={taken.length > 0 && isComplete && !start.isPending}
      onSubmit={(close) => {
        const done = () => {
          setWish(empty);
          close();
          onStarted();
        };
        // Not by `mutate`, whose callbacks are dropped if this form goes before the answer.
        start.mutateAsync(bodyOf(operation, taken, wish)).then(done, () => {});
      }}
    >
      <p>{does}</p>
      <Fields operation={operation} wish={wish} set={set} />
      <Names label="Taken" names={taken} />
      {countReasons(leftOut).map(({ reason, names }) => (
        <Names key={reason} label={`Left out, because ${reason}`} names={names} />
      ))}
      {start.error && <ProblemBox error={start.error} />}
    </FormDialog>
  );
}

function Fields({
  operation,
  wish,
  set,
}: {
  operation: Operation;
  wish: Wish;
  set: (change: Partial<Wish>) => void;
}) {
  return (
    <>
      {(operation === 'comment' || operation === 'close') && (
        <label>
          {operation === 'comment' ? 'Comment' : 'Comment that says why, if you want one'}
          <textarea
            rows={4}
            maxLength={10_000}
            value={wish.comment}
            onChange={({ target }) => set({ comment: target.value })}
          />
        </label>
      )}
      {(operation === 'merge' || operation === 'autoMerge') && (
        <label>
          How
          <select
            value={wish.method}
            onChange={({ target }) => set({ method: METHODS.find((one) => one === target.value)! })}
          >
            {METHODS.map((method) => (
              <option key={method}>{method}</option>
            ))}
          </select>
        </label>
      )}
      {operation === 'open' && (
        <>
          <label>
            Title, in place of the job's or the model's
            <input
              value={wish.title}
              maxLength={256}
              onChange={({ target }) => set({ title: target.value })}
            />
          </label>
          <label>
            Labels, with commas between them
            <input value={wish.labels} onChange={({ target }) => set({ labels: target.value })} />
          </label>
          <label className={formStyles.check}>
            <input
              type="checkbox"
              checked={wish.isDraft}
              onChange={({ target }) => set({ isDraft: target.checked })}
            />
            As drafts
          </label>
        </>
      )}
      {(operation === 'open' || operation === 'requestReviews') && (
        <label>
          Reviewers, as login or organization/team
          <input value={wish.reviewers} onChange={({ target }) => set({ reviewers: target.value })} />
        </label>
      )}
    </>
  );
}

function bodyOf(operation: Operation, repositories: string[], wish: Wish): RunBody {
  const comment = wish.comment.trim();
  const labels = wish.labels
    .split(',')
    .map((label) => label.trim())
    .filter(Boolean);
  const reviewers = reviewersOf(wish.reviewers);
  const title = wish.title.trim();
  const pullRequest = {
    ...(operation === 'open' && title && { title }),
    ...(operation === 'open' && labels.length > 0 && { labels }),
    ...(operation === 'open' && wish.isDraft && { draft: true }),
    ...(reviewers.length > 0 && { reviewers }),
  };
  const hasOptions = operation === 'open' || operation === 'requestReviews';
  return {
    repositories,
    ...(operation !== 'open' && { operation }),
    ...((operation === 'comment' || operation === 'close') && comment && { comment }),
    ...((operation === 'merge' || operation === 'autoMerge') && { mergeMethod: wish.method }),
    ...(hasOptions && Object.keys(pullRequest).length > 0 && { pullRequest }),
  };
}
