import { expect, test } from '@jest/globals';
import { parseDefinition } from '../../../../lambdas/api/execution/definition.ts';
import { type Lane, lanesOf } from '../../../../lambdas/api/execution/lanes.ts';
import { type Definition, statesWithin } from '../../../../statemachine/asl.ts';
import { jobDefinition } from '../../../../statemachine/job.ts';

const layOut = (definition: Definition) => lanesOf(parseDefinition(JSON.stringify(definition)));
const namesOf = (lane: Lane | undefined) => lane!.states.map(({ name }) => name);

test('every state of the definition is drawn, in a lane for the job, each repository and each pull request', () => {
  const lanes = layOut(jobDefinition());
  expect(lanes.map(({ lane, maps }) => [lane, maps])).toEqual([
    ['job', []],
    ['repository', ['AnalyzeRepositories']],
    ['pullRequest', ['OpenPullRequests', 'OpenPullRequestsMeanwhile']],
  ]);
  const drawn = new Set(lanes.flatMap(namesOf));
  for (const [name] of statesWithin(jobDefinition()))
    expect([name, drawn.has(name) || drawn.has(name.replace(/Meanwhile$/, ''))]).toEqual([name, true]);
  expect(lanes[0]!.states).toContainEqual(
    expect.objectContaining({ name: 'OpenPullRequestsMeanwhile', type: 'Map', runs: 'pullRequest' }),
  );
});

test('no two states of a lane have one place, and a way goes to the right unless it goes back or handles an error', () => {
  for (const { lane, startAt, states } of layOut(jobDefinition())) {
    const places = states.map(({ column, row }) => `${column} ${row}`);
    expect(new Set(places).size).toBe(states.length);
    const columns = new Map(states.map(({ name, column }) => [name, column]));
    expect([lane, columns.get(startAt)]).toEqual([lane, 0]);
    const back = states.flatMap(({ name, next }) =>
      next
        .filter(({ to, kind }) => kind !== 'catch' && columns.get(to)! <= columns.get(name)!)
        .map(({ to }) => `${name} ${to}`),
    );
    expect([lane, back]).toEqual([
      lane,
      {
        job: ['WaitForChanges ResolvePullRequestsMeanwhile'],
        repository: ['WaitForModel AnalyzeRepository'],
        pullRequest: ['HasSlot ReserveSlot', 'IsOpen WaitForSlot'],
      }[lane],
    ]);
  }
});

test('the usual way of a job is one straight line', () => {
  const [job, repository] = layOut(jobDefinition());
  const first = (lane: Lane) => lane.states.filter(({ row }) => row === 0).map(({ name }) => name);
  expect(first(job!)).toEqual(
    expect.arrayContaining(['IsDeletion', 'StartJob', 'Action', 'ResolveRepositories', 'CompleteJob']),
  );
  expect(first(repository!)).toEqual(
    expect.arrayContaining(['StartRepository', 'AdmitRepository', 'AnalyzeRepository', 'RecordResult']),
  );
  expect(first(job!)).not.toContain('FailJob');
});

test('the ways out of a state have the condition of a choice and the errors of a catch', () => {
  const [job] = layOut(jobDefinition());
  const next = (name: string) => job!.states.find((state) => state.name === name)!.next;
  expect(next('IsDeletion')).toEqual([
    { to: 'RemoveJob', kind: 'choice', when: '$.action StringEquals "delete"' },
    { to: 'StartJob', kind: 'default' },
  ]);
  expect(next('CompleteJob')).toEqual([{ to: 'FailJob', kind: 'catch', when: 'States.ALL' }]);
  expect(next('AnalyzeAndPublish').map(({ to, kind }) => [to, kind])).toEqual([
    ['AnalyzeRepositories', 'branch'],
    ['IsInWaves', 'branch'],
    ['FailJob', 'catch'],
  ]);
  expect(next('RepositoriesAnalyzed')).toEqual([{ to: 'ResolvePullRequests', kind: 'join' }]);
});

test('a state that is added to the definition appears, and a Map of another workflow gets a lane of its own', () => {
  const definition = jobDefinition();
  const { CompleteJob, OpenPullRequests } = definition.States;
  const added: Definition = {
    ...definition,
    States: {
      ...definition.States,
      CompleteJob: { ...CompleteJob, Next: 'ScanRepositories' } as typeof CompleteJob & object,
      ScanRepositories: {
        ...(OpenPullRequests as object),
        Label: 'ScanRepositories',
        ItemProcessor: {
          ProcessorConfig: { Mode: 'DISTRIBUTED', ExecutionType: 'STANDARD' },
          StartAt: 'ScanRepository',
          States: { ScanRepository: { Type: 'Succeed' } },
        },
        Next: 'ThankEverybody',
      } as unknown as Definition['States'][string],
      ThankEverybody: { Type: 'Succeed' },
    },
  };
  const lanes = layOut(added);
  expect(namesOf(lanes[0])).toEqual(expect.arrayContaining(['ScanRepositories', 'ThankEverybody']));
  expect(lanes.at(-1)).toMatchObject({ lane: 'ScanRepositories', startAt: 'ScanRepository' });
  expect(namesOf(lanes.at(-1))).toEqual(['ScanRepository']);
  const column = (name: string) => lanes[0]!.states.find((state) => state.name === name)!.column;
  expect(column('ThankEverybody')).toBe(column('CompleteJob') + 2);
});
