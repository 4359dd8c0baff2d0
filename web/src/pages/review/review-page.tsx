import { useQuery } from '@tanstack/react-query';
import { getRouteApi, Link, useNavigate } from '@tanstack/react-router';
import { useEffect, useMemo, useRef } from 'react';
import { jobQuery, rowsQuery } from '../../api/queries.ts';
import { useHasRole } from '../../api/roles.ts';
import { useKeys } from '../../app/keys.ts';
import { Change } from '../../diff/change.tsx';
import { amount, count } from '../../text/format.ts';
import { Text } from '../../text/text.tsx';
import { Bar } from '../../ui/bar.tsx';
import { ConfirmButton } from '../../ui/confirm-button.tsx';
import { Heading } from '../../ui/heading.tsx';
import { Empty, Loading, ProblemBox, StaleNotice } from '../../ui/problem.tsx';
import { Status } from '../../ui/status.tsx';
import { useStartRun } from '../job/job-mutations.ts';
import { RepositoryLink } from '../job/repository-link.tsx';
import { kinsOf, type Row, reviewOf, rowsOf, type Shape, shortShape } from '../job/rows.ts';
import { useDecide } from './decide.ts';
import { type Decide, type Decision, decisionsOf, inverseOf } from './decisions.ts';
import styles from './review.module.css';

const route = getRouteApi('/j/$jobId/review');

/** Every change of a job, shape by shape, to approve or reject by keyboard. */
export function ReviewPage() {
  const { jobId } = route.useParams();
  return <Review key={jobId} jobId={jobId} />;
}

function Review({ jobId }: { jobId: string }) {
  const { data: job, error: jobError } = useQuery(jobQuery(jobId));
  const { data, error, refetch, dataUpdatedAt } = useQuery(rowsQuery(jobId, job));
  const rows = useMemo(() => (data ? rowsOf(data) : undefined), [data]);
  const shapes = useMemo(() => kinsOf(rows ?? []).flatMap((kin) => kin.shapes), [rows]);
  const title = `Review${job ? `: ${job.name}` : ''}`;
  return (
    <>
      <Heading title={title}>
        Review
        {job && (
          <>
            :{' '}
            <Link to="/j/$jobId" params={{ jobId }}>
              <Text max={200}>{job.name}</Text>
            </Link>
          </>
        )}
      </Heading>
      <StaleNotice error={rows ? error : null} since={dataUpdatedAt} />
      {!rows && (error ?? jobError) && (
        <ProblemBox error={(error ?? jobError)!} retry={() => void refetch()} />
      )}
      {!rows && !error && !jobError && <Loading rows={10} label="Loading the changes" />}
      {rows && shapes.length === 0 && (
        <Empty title="There is nothing to review yet">
          <p>Changes are here as soon as a repository has one.</p>
        </Empty>
      )}
      {rows && shapes.length > 0 && <Queue jobId={jobId} shapes={shapes} />}
    </>
  );
}

function Queue({ jobId, shapes }: { jobId: string; shapes: readonly Shape[] }) {
  const search = route.useSearch();
  const navigate = useNavigate();
  const isRunner = useHasRole('runner');
  const decide = useDecide(jobId);
  const publish = useStartRun(jobId, 'pull-requests');
  /** What was decided here, with the rows as they were before. */
  const decided = useRef<(readonly Decide[])[]>([]);
  const at = Math.max(
    0,
    shapes.findIndex(({ shape }) => shape === search.shape),
  );
  const shape = shapes[at]!;
  const memberAt = Math.max(
    0,
    shape.rows.findIndex(({ repositoryName }) => repositoryName === search.member),
  );
  const member = shape.rows[memberAt]!;
  const show = (to: { shape?: string; member?: string }) =>
    void navigate({ to: '/j/$jobId/review', params: { jobId }, search: to, replace: true });
  const showShape = (index: number) => {
    const next = shapes[(index + shapes.length) % shapes.length];
    if (next) show({ shape: next.shape });
  };
  const undecided = shapes.filter(({ rows }) => rows.some(isUndecided));
  const showMember = (index: number) =>
    show({
      shape: shape.shape,
      member: shape.rows[(index + shape.rows.length) % shape.rows.length]!.repositoryName,
    });
  const run = (...what: Decide[]) => {
    decided.current.push(what);
    decide.mutate(what);
  };
  const decideShape = (decision: Decision) => {
    run({ decision, rows: shape.rows, shape: shape.shape });
    const others = [...shapes.slice(at + 1), ...shapes.slice(0, at)];
    const next = others.find(({ rows }) => rows.some(isUndecided));
    if (next) show({ shape: next.shape });
  };
  const undo = () => {
    const last = decided.current.pop();
    if (!last) return;
    decide.mutate(last.flatMap(inverseOf));
    const [about] = last;
    if (last.length === 1 && about?.shape) show({ shape: about.shape });
  };
  const rest = () =>
    run(
      ...undecided.flatMap(({ review, rows, shape: one }): Decide[] =>
        review === 'undecided'
          ? [{ decision: 'approve', rows, shape: one }]
          : decisionsOf('approve', rows.filter(isUndecided)),
      ),
    );
  const rejectMember = () => run({ decision: 'reject', rows: [member] });
  const decisionKeys = [
    { key: 'a', does: 'approve the shape', run: () => decideShape('approve') },
    { key: 'x', does: 'reject the shape', run: () => decideShape('reject') },
    {
      key: 'X',
      does: 'reject this repository alone',
      run: rejectMember,
    },
    { key: 'u', does: 'take the last decision back', run: undo },
  ];
  useKeys([
    { key: 'j', does: 'next shape', run: () => showShape(at + 1) },
    { key: 'k', does: 'shape before', run: () => showShape(at - 1) },
    { key: 'n', does: 'next repository of the shape', run: () => showMember(memberAt + 1) },
    { key: 'N', does: 'repository before', run: () => showMember(memberAt - 1) },
    ...(isRunner ? decisionKeys : []),
    {
      key: 'o',
      does: 'open the repository',
      run: () => {
        const [owner = '', name = ''] = member.repositoryName.split('/');
        void navigate({ to: '/j/$jobId/r/$owner/$name', params: { jobId, owner, name } });
      },
    },
  ]);
  useStayWhile(decide.isPending);
  const all = shapes.flatMap(({ rows }) => rows);
  const approved = countOf(all, 'approve');
  const publishable = all.filter((row) => reviewOf(row) === 'approve' && !row.prState).length;
  const error = decide.error ?? publish.error;
  return (
    <>
      <div className={styles.summary}>
        <p role="status">
          {amount(all.length, 'change')} in {amount(shapes.length, 'shape')}: {count(approved)} approved,{' '}
          {count(countOf(all, 'reject'))} rejected, {count(countOf(all, 'undecided'))} undecided
          {decide.isPending && '. Saving …'}
        </p>
        <Bar
          label="Decisions"
          total={all.length}
          segments={[
            { label: 'approved', value: approved, tone: 'good' },
            { label: 'rejected', value: countOf(all, 'reject'), tone: 'bad' },
          ]}
        />
        {isRunner && (
          <div className={styles.buttons}>
            <ConfirmButton
              label={`Approve the rest (${amount(undecided.length, 'shape')})`}
              question={`Approve ${amount(countOf(all, 'undecided'), 'undecided change')} in ${amount(undecided.length, 'shape')}?`}
              confirm="Approve them"
              disabled={undecided.length === 0}
              shortcut={{ key: 'A', does: 'approve the rest' }}
              onConfirm={rest}
            />
            <ConfirmButton
              label={`Publish ${count(publishable)} approved`}
              question={`Open pull requests in ${amount(publishable, 'repository', 'repositories')}?`}
              confirm="Open them"
              disabled={publishable === 0 || publish.isPending}
              onConfirm={() => publish.mutate({ approved: true })}
            />
          </div>
        )}
        {error && <ProblemBox error={error} />}
        {publish.isSuccess && <p role="status">The pull requests are on their way.</p>}
      </div>
      <div className={styles.panes}>
        <nav aria-label="Shapes">
          <ul className={styles.shapes}>
            {shapes.map((one) => (
              <li key={one.shape}>
                <button
                  type="button"
                  aria-current={one.shape === shape.shape}
                  onClick={() => show({ shape: one.shape })}
                >
                  <code>{shortShape(one.shape)}</code> {count(one.rows.length)} <Status value={one.review} />
                </button>
              </li>
            ))}
          </ul>
        </nav>
        <section className={styles.shown} aria-label="The shape on screen">
          <div className={styles.buttons}>
            <h2>
              <RepositoryLink jobId={jobId} repositoryName={member.repositoryName} />
            </h2>
            <span>
              {count(memberAt + 1)} of {count(shape.rows.length)}
            </span>
            {member.risk && <span>risk: {member.risk}</span>}
            <Status value={reviewOf(member) ?? 'undecided'} />
            <button type="button" disabled={shape.rows.length < 2} onClick={() => showMember(memberAt + 1)}>
              Next repository
            </button>
            {isRunner && (
              <>
                <button type="button" data-kind="primary" onClick={() => decideShape('approve')}>
                  Approve the shape
                </button>
                <button type="button" onClick={() => decideShape('reject')}>
                  Reject the shape
                </button>
                {shape.rows.length > 1 && (
                  <button type="button" onClick={rejectMember}>
                    Reject this repository alone
                  </button>
                )}
                <button type="button" disabled={decided.current.length === 0} onClick={undo}>
                  Undo
                </button>
              </>
            )}
          </div>
          <Change jobId={jobId} repositoryName={member.repositoryName} patchSha={member.patchSha} />
        </section>
      </div>
    </>
  );
}

/** The browser asks before it leaves the page while a decision is not recorded yet. */
function useStayWhile(isSaving: boolean): void {
  useEffect(() => {
    if (!isSaving) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [isSaving]);
}

function isUndecided(row: Row): boolean {
  return reviewOf(row) === 'undecided';
}

function countOf(rows: readonly Row[], decision: Decision): number {
  return rows.filter((row) => reviewOf(row) === decision).length;
}
