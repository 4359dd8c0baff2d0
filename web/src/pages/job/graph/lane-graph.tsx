import { Link } from '@tanstack/react-router';
import { type CSSProperties, Fragment } from 'react';
import type { ExecutionLane, ExecutionState } from '../../../api/types.ts';
import styles from './graph.module.css';
import { type Edge, graphOf } from './lanes.ts';
import { factsOf, ROWS_OF, recordedIn, titleOf } from './state-facts.ts';

/** Sizes in pixels, as in graph.module.css. */
const NODE = { width: 132, height: 62 };
const GAP = { x: 26, y: 16 };
const STEP = { x: NODE.width + GAP.x, y: NODE.height + GAP.y };

const SIGNS: Readonly<Record<string, string>> = {
  running: '◐',
  succeeded: '✓',
  caught: '▲',
  failed: '✕',
  stopped: '⊘',
};

/** The states of a lane: a list, which is drawn as a graph where there is room. */
export function LaneGraph({
  jobId,
  lane,
  lanes,
  isWhole,
  now,
}: {
  jobId: string;
  lane: ExecutionLane;
  lanes: readonly ExecutionLane[];
  isWhole: boolean;
  now: number;
}) {
  const { nodes, edges, columns, rows } = graphOf(lane, isWhole);
  const { title, facts } = titleOf(lane);
  const [width, height] = [columns * STEP.x - GAP.x, rows * STEP.y - GAP.y];
  const size = { '--width': `${width}px`, '--height': `${height}px` };
  return (
    <div className={styles.lane}>
      <h2>
        {title} <span className={styles.facts}>{facts.join(' · ')}</span>
      </h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard. */}
      <section className={styles.scroller} aria-label={`States: ${title}`} tabIndex={0}>
        <div className={styles.canvas} style={size as CSSProperties}>
          <svg className={styles.edges} width={width} height={height + GAP.y} aria-hidden="true">
            {edges.map((edge) => (
              <path
                key={`${edge.from.state.name} ${edge.to.state.name}`}
                className={styles.edge}
                data-kind={edge.isCatch ? 'catch' : edge.wasTaken ? 'taken' : 'open'}
                d={pathOf(edge)}
              />
            ))}
          </svg>
          <ol className={styles.states}>
            {nodes.map(({ state, column, row }) => (
              <li
                key={state.name}
                className={styles.state}
                data-status={statusOf(state, lane)}
                style={{ left: column * STEP.x, top: row * STEP.y }}
                title={state.comment}
              >
                <span className={styles.name}>
                  {state.status && <span aria-hidden="true">{SIGNS[state.status]} </span>}
                  <Name jobId={jobId} name={state.name} />
                </span>
                <span className={styles.facts}>{factsOf(state, lane, lanes, now).join(' · ')}</span>
              </li>
            ))}
          </ol>
        </div>
      </section>
    </div>
  );
}

/** In the lanes of repositories and pull requests a state is busy or done by what is in it, or has been recorded there. */
function statusOf(state: ExecutionState, lane: ExecutionLane): string {
  if (state.status) return state.status;
  if (state.now && state.now.count > 0) return 'running';
  if (!recordedIn(state.name, lane)) return 'untouched';
  return state.name === 'RecordFailure' ? 'failed' : 'succeeded';
}

function pathOf({ from, to, isOver }: Edge): string {
  const x = (column: number) => column * STEP.x;
  const y = (row: number) => row * STEP.y + NODE.height / 2;
  if (to.column > from.column) {
    const [x1, y1, x2, y2] = [x(from.column) + NODE.width, y(from.row), x(to.column), y(to.row)];
    // A way over other states goes below them.
    if (isOver)
      return `M${x1 - NODE.width / 2} ${y1 + NODE.height / 2}q0 ${GAP.y - 4} ${GAP.x} ${GAP.y - 4}H${x2 + NODE.width / 2 - GAP.x}q${GAP.x} 0 ${GAP.x} ${4 - GAP.y}`;
    return y1 === y2
      ? `M${x1} ${y1}H${x2}`
      : `M${x1} ${y1}C${x1 + GAP.x} ${y1} ${x2 - GAP.x} ${y2} ${x2} ${y2}`;
  }
  const [x1, x2] = [x(from.column) + NODE.width / 2, x(to.column) + NODE.width / 2];
  const [y1, y2] = [y(from.row) + NODE.height / 2, y(to.row) + NODE.height / 2];
  if (x1 === x2) return `M${x1} ${Math.min(y1, y2)}V${Math.max(y1, y2) - NODE.height}`;
  const low = Math.max(y1, y2) + GAP.y - 4;
  return `M${x1} ${y1}Q${x1} ${low} ${x1 - GAP.x} ${low}H${x2 + GAP.x}Q${x2} ${low} ${x2} ${y2}`;
}

/** The name, which may break between its words; a link where the table can show what is in the state. */
function Name({ jobId, name }: { jobId: string; name: string }) {
  const words = name.split(/(?<=[a-z])(?=[A-Z])/).map((word, index) => (
    // biome-ignore lint/suspicious/noArrayIndexKey: the words of a name keep their order.
    <Fragment key={index}>
      {index > 0 && <wbr />}
      {word}
    </Fragment>
  ));
  const search = ROWS_OF[name];
  return search ? (
    <Link to="/j/$jobId" params={{ jobId }} search={search}>
      {words}
    </Link>
  ) : (
    words
  );
}
