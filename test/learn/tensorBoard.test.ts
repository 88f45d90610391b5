import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { GrowingFile } from '../../src/io/files.ts';
import { EventFile } from '../../src/learn/callbacks/eventFile.ts';
import { CSVLogger, type LearnerCheckpoint, TensorBoard } from '../../src/learn/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import { eventsOf, scalarsOf } from './eventFiles.ts';
import { tinyLearner } from './tinyLearner.ts';

let gpu: Gpu;
let folder: string;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fovea-tensorboard-'));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

const eventsIn = (part: string) => eventsOf(join(folder, part));
const scalarsIn = (part: string) => scalarsOf(join(folder, part));

const numbered = (values: readonly number[], from = 0) =>
  values.map((value, i) => [from + i, Math.fround(value)] as const);

describe('TensorBoard', () => {
  it('writes the bytes that the writer of TensorBoard 2.21 writes', async () => {
    vi.useFakeTimers({ now: 1_700_000_000_250, toFake: ['Date'] });
    const file = new EventFile(GrowingFile.create(join(folder, 'deep', 'events')));
    await file.add([{ step: 12, values: { epoch_loss: 0.75 } }], { flush: true });
    expect(readFileSync(join(folder, 'deep', 'events')).toString('hex')).toBe(
      '1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9' +
        '200000000000000029eda9500900001040fc54d941100c2a130a110a0a65706f63685f6c6f7373150000403fe11dde60',
    );
  });

  it('holds the numbers of the history and of the CSV file, by the tags of Keras', async () => {
    const path = join(folder, 'log.csv');
    const learner = tinyLearner(gpu, {
      callbacks: [new TensorBoard({ logDir: folder, updateFreq: 2 }), new CSVLogger({ path })],
    });
    await learner.fitOneCycle(3, { lrMax: 0.05 });
    const { steps, epochs, history } = learner.history;
    expect(eventsIn('train')[0]).toMatchObject({ file_version: 'brain.Event:2' });
    const even = steps.filter(({ step }) => step % 2 === 0);
    expect(scalarsIn('train')).toEqual({
      epoch_loss: numbered(history.loss!),
      epoch_learning_rate: numbered(history.lr!),
      batch_loss: even.map(({ step, losses }) => [step, Math.fround(losses.loss!)]),
      batch_learning_rate: even.map(({ step, lr }) => [step, Math.fround(lr)]),
    });
    expect(scalarsIn('validation')).toEqual({
      epoch_loss: numbered(history.val_loss!),
      epoch_accuracy: numbered(history.val_accuracy!),
    });
    const [header, ...rows] = readFileSync(path, 'utf8').trim().split('\n');
    const names = header!.split(',').slice(1);
    expect(
      rows.map((row) => {
        const values = row.split(',').slice(1).map(Number);
        return Object.fromEntries(names.map((name, i) => [name, values[i]]));
      }),
    ).toEqual(epochs);
    // A later training goes on behind this one.
    await learner.fit(1);
    expect(scalarsIn('train').epoch_loss!.map(([step]) => step)).toEqual([0, 1, 2, 3]);
    expect(scalarsIn('train').batch_loss!.map(([step]) => step)).toEqual([2, 4, 6, 8, 10, 12, 14, 16]);
    learner.dispose();
  });

  it('writes nothing twice after a resume, and lacks nothing', async () => {
    const checkpoints: LearnerCheckpoint[] = [];
    const callbacks = () => [new TensorBoard({ logDir: folder, updateFreq: 'batch' })];
    const learner = tinyLearner(gpu, { callbacks: callbacks() });
    const onCheckpoint = (checkpoint: LearnerCheckpoint) => void checkpoints.push(checkpoint);
    await learner.fit(2, { checkpointEvery: 3, onCheckpoint });
    const whole = { train: scalarsIn('train'), validation: scalarsIn('validation') };
    expect(whole.train.batch_loss).toHaveLength(8);
    // The files have more than each of the checkpoints; then they are there no more, or were cut off.
    for (const [i, resume] of [...checkpoints, checkpoints[1]!, checkpoints[1]!].entries()) {
      if (i === checkpoints.length) rmSync(join(folder, 'train'), { recursive: true });
      else if (i > checkpoints.length) {
        for (const part of ['train', 'validation']) {
          truncateSync(join(folder, part, readdirSync(join(folder, part))[0]!), 50);
        }
      }
      const again = tinyLearner(gpu, { callbacks: callbacks() });
      await again.fit(2, { resume: structuredClone(resume) });
      expect({ train: scalarsIn('train'), validation: scalarsIn('validation') }).toEqual(whole);
      again.dispose();
    }
    learner.dispose();
  });

  it('writes no steps unless they are asked for, and no validation where there is none', async () => {
    const learner = tinyLearner(gpu, {
      callbacks: [new TensorBoard({ logDir: folder })],
      valid: undefined as never,
    });
    await learner.fit(1);
    expect(Object.keys(scalarsIn('train'))).toEqual(['epoch_loss', 'epoch_learning_rate']);
    expect(readdirSync(folder)).toEqual(['train']);
    learner.dispose();
  });

  it('refuses what cannot be used', async () => {
    expect(() => new TensorBoard({} as never)).toThrow('TensorBoard: logDir is undefined; give the name of');
    expect(() => new TensorBoard({ logDir: 'x', updateFreq: 0 })).toThrow(UsageError);
    expect(() => new TensorBoard({ logDir: 'x', updateFreq: 'step' as never })).toThrow(
      'TensorBoard: updateFreq is step; give epoch, batch, or a whole number of steps above 0',
    );
    const learner = tinyLearner(gpu, {
      callbacks: [new TensorBoard({ logDir: join(folder, 'file') })],
    });
    await GrowingFile.create(join(folder, 'file')).append(new Uint8Array(1));
    await expect(learner.fit(1)).rejects.toThrow(DataError);
    learner.dispose();
  });
});

const python = '/usr/bin/python3';
const hasTensorBoard = spawnSync(python, ['-c', 'import tensorboard.backend.event_processing']).status === 0;
const READ = `
import json, sys
from tensorboard.util import tensor_util
from tensorboard.backend.event_processing.plugin_event_accumulator import EventAccumulator
found = {}
for folder in sys.argv[1:]:
    events = EventAccumulator(folder, size_guidance={'tensors': 0})
    events.Reload()
    found[folder] = {
        tag: [[e.step, float(tensor_util.make_ndarray(e.tensor_proto))] for e in events.Tensors(tag)]
        for tag in events.Tags()['tensors']
    }
print(json.dumps(found))
`;

// TensorBoard's Python package, where it is installed.
describe.runIf(hasTensorBoard)('TensorBoard itself', () => {
  it('reads the files', async () => {
    const learner = tinyLearner(gpu, {
      callbacks: [new TensorBoard({ logDir: folder, updateFreq: 'batch' })],
    });
    await learner.fit(2);
    const parts = ['train', 'validation'].map((part) => join(folder, part));
    const read = JSON.parse(execFileSync(python, ['-c', READ, ...parts], { encoding: 'utf8' })) as object;
    expect(Object.values(read)).toEqual([scalarsIn('train'), scalarsIn('validation')]);
    learner.dispose();
  });
});
