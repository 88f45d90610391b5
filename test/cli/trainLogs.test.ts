import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { scalarsOf } from '../learn/eventFiles.ts';
import { twoScene, writeScene } from '../tasks/scenes.ts';
import { foveaHere } from './here.ts';
import { buildCli, startFovea } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  await buildCli();
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-logs-'));
  for (const part of ['train', 'val']) {
    for (let i = 0; i < 2; i++) await writeScene(at(part), { ...twoScene(32), name: `i${i}` });
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Three epochs: of 20 steps, 20, and 10. */
const training = (name: string, ...more: string[]): string[] => [
  ...[
    'train',
    '--model',
    'unet',
    '--data',
    at('train'),
    '--val',
    at('val'),
    '--out',
    at(`${name}.safetensors`),
  ],
  ...['--steps', '50', '--crop', '32', '--batch', '2', '--width', '4', '--ema', '--checkpoint-every', '7'],
  ...more,
];

const PARTS = ['segmentation', 'val_loss', 'val_segmentation', 'val_iou', 'val_dice'];
const NAMES = ['epoch', 'loss', ...PARTS, 'lr'];

type Columns = Record<string, readonly (number | null)[]>;

/** What the three logs of a folder hold, by the names of the history. */
function logsIn(log: string): { csv: Columns; history: Columns; board: Columns } {
  const [header, ...rows] = readFileSync(path.join(log, 'log.csv'), 'utf8').trimEnd().split('\n');
  const values = rows.map((row) => row.split(',').map(Number));
  const csv = Object.fromEntries(header!.split(',').map((name, i) => [name, values.map((row) => row[i]!)]));
  const history = JSON.parse(readFileSync(path.join(log, 'history.json'), 'utf8')) as Columns;
  const parts = { train: '', validation: 'val_' };
  const board = Object.entries(parts).flatMap(([part, prefix]) =>
    Object.entries(scalarsOf(path.join(log, part))).map(([tag, points]) => {
      const name = tag.replace(/^epoch_/, '').replace(/^learning_rate$/, 'lr');
      expect(points.map(([step]) => step)).toEqual(history.epoch);
      return [`${prefix}${name}`, points.map(([, value]) => value)] as const;
    }),
  );
  return { csv, history, board: Object.fromEntries(board) };
}

/** Expects the same values in all logs of a folder; those of TensorBoard are 32-bit floats. Returns them. */
function expectEqualLogs(log: string): Columns {
  const { csv, history, board } = logsIn(log);
  expect(Object.keys(history)).toEqual(NAMES);
  expect(history.epoch).toEqual([0, 1, 2]);
  expect(csv).toEqual(history);
  const { epoch: _, ...values } = history;
  expect(board).toEqual(
    Object.fromEntries(
      Object.entries(values).map(([name, column]) => [name, column.map((value) => Math.fround(value!))]),
    ),
  );
  return history;
}

it('--log writes the same values as a table, as a history and for TensorBoard, also after a resume', async () => {
  const whole = await foveaHere(...training('whole', '--log', at('logs/of/whole')));
  expect(whole.code, whole.stderr).toBe(0);
  const expected = expectEqualLogs(at('logs/of/whole'));
  // What is printed is the same, too.
  const printed = [...whole.stderr.matchAll(/^epoch \d+: loss (\S+), val_loss (\S+), val_iou (\S+),/gm)];
  expect(printed.map(([, ...values]) => values)).toEqual(
    expected.epoch!.map((_, i) =>
      ['loss', 'val_loss', 'val_iou'].map((name) => expected[name]![i]!.toFixed(3)),
    ),
  );

  // Killed in the second epoch, where --resume alone goes on with the logs; and stopped there without logs, which begin with --resume.
  let signal: NodeJS.Signals = 'SIGKILL';
  for (const [name, log] of [
    ['killed', true],
    ['begun-later', false],
  ] as const) {
    const first = log ? ['--log', at(`${name}-log`)] : [];
    const { child, ended } = startFovea(training(name, ...first));
    let stderr = '';
    child.stderr!.on('data', (chunk: Buffer) => {
      stderr += chunk;
      if (/^epoch 1: /m.test(stderr)) child.kill(signal);
    });
    const stopped = await ended;
    expect(stopped.code).not.toBe(0);
    signal = 'SIGINT';
    const rest = log ? [] : ['--log', at(`${name}-log`)];
    const resumed = await foveaHere(...training(name, '--resume', ...rest));
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(expectEqualLogs(at(`${name}-log`))).toEqual(expected);
    expect(readFileSync(at(`${name}.safetensors`)).equals(readFileSync(at('whole.safetensors')))).toBe(true);
  }
});

it('--log that cannot be a folder ends the command before anything is read or trained', async () => {
  writeFileSync(at('file'), '');
  for (const log of [at('file'), at('file/below')]) {
    const refused = await foveaHere(...training('refused', '--log', log));
    expect(refused.code).toBe(2);
    expect(refused.stderr.trimEnd().split('\n')).toEqual([
      expect.stringMatching(/file.*: cannot be used as a folder \(.*\); choose another output path$/),
    ]);
  }
  expect(existsSync(at('refused.checkpoint.safetensors'))).toBe(false);
});
