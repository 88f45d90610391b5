/** What lies at the place of a sweep is not trusted: it may be damaged, or of another sweep. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { openPlace } from '../../../cli/src/place/place.ts';
import { partsPlace } from '../../../cli/src/sweep/state.ts';
import { readOutcome, trainStored } from '../../../cli/src/sweep/stored.ts';
import { resultName, type TrainingTask } from '../../../cli/src/sweep/task.ts';

const SWEEP = '0123456789abcdef';
let folder: string;
let task: TrainingTask;
const at = (name: string) => path.join(folder, name);
const how = { adapter: undefined, signal: new AbortController().signal };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-stored-'));
  await mkdir(at('sweep/trials/001'), { recursive: true });
  const state = { version: 1, id: SWEEP, config: '', most: 1, runs: [] };
  await writeFile(at('sweep/sweep.json'), JSON.stringify(state));
  task = {
    ...{ sweep: SWEEP, out: at('sweep'), trial: 1, fold: 0, until: 10, folder },
    options: { data: 'nowhere', model: 'unet', steps: 10 },
  };
});
afterEach(() => rm(folder, { recursive: true, force: true }));

it.each([
  ['no JSON', '{"at": "tri'],
  ['the sweep itself', JSON.stringify({ sweep: SWEEP, at: '', files: [] })],
  ['another folder', JSON.stringify({ sweep: SWEEP, at: '../precious', files: [] })],
  ['another trial', JSON.stringify({ sweep: SWEEP, at: 'trials/002/01234567', files: [] })],
  ['files elsewhere', JSON.stringify({ sweep: SWEEP, at: 'trials/001/01234567', files: ['../../x'] })],
])('refuses to go on from %s', async (_, content) => {
  await mkdir(at('precious'));
  await writeFile(at('sweep/trials/001/state.json'), content);
  await expect(trainStored(task, how)).rejects.toThrow(/trials\/001\/state\.json: is damaged; remove/);
  expect(await readdir(folder)).toEqual(['precious', 'sweep']);
  expect(await readdir(at('sweep/trials/001'))).toEqual(['state.json']);
});

it('takes no result of another sweep, nor a damaged one', async () => {
  const parts = partsPlace(at('sweep'));
  const name = resultName(task);
  const outcome = { epochs: [0.5], metric: 'val_ap', at: 'trials/001/01234567' };
  for (const content of [JSON.stringify({ sweep: 'fedcba9876543210', ...outcome }), '{"sweep":']) {
    await parts.write(name, content);
    expect(await readOutcome(parts, task)).toBeUndefined();
    expect(await parts.has(name)).toBe(false);
  }
  await parts.write(name, JSON.stringify({ sweep: SWEEP, ...outcome }));
  expect(await readOutcome(parts, task)).toEqual(outcome);
});

it('trains for no sweep that has ended, was removed, or is another one', async () => {
  await expect(trainStored({ ...task, sweep: 'fedcba9876543210' }, how)).resolves.toEqual({ kind: 'gone' });
  const run = { trial: 1, fold: 0, until: 10, epochs: [0.5] };
  const state = { version: 1, id: SWEEP, config: '', most: 1, runs: [run] };
  await writeFile(at('sweep/sweep.json'), JSON.stringify(state));
  await expect(trainStored(task, how)).resolves.toEqual({ kind: 'gone' });
  await openPlace(at('sweep')).remove('');
  await expect(trainStored(task, how)).resolves.toEqual({ kind: 'gone' });
});
