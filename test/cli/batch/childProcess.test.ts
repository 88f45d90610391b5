import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { ComputingProcess } from '../../../cli/src/batch/childProcess.ts';

let folder: string;
let one: ComputingProcess;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-child-'));
});
afterEach(() => one.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

const start = (imageTime = 60_000): ComputingProcess => {
  one = new ComputingProcess({ imageTime, program: path.join(import.meta.dirname, 'fakeChild.mjs') });
  return one;
};
const task = (...names: string[]) => ({
  ...{ batch: '0'.repeat(16), out: folder, shard: 3 },
  inputs: names.map((name) => ({ file: name, inside: name, name })),
});

it('leaves out images that end the process, and computes the rest', async () => {
  expect(await start().run(task('a', 'crash', 'b', 'crash', 'c'))).toEqual({
    shard: 3,
    images: 5,
    faults: 2,
  });
  // It goes on with the next shard.
  expect(await one.run(task('a', 'b'))).toEqual({ shard: 3, images: 2, faults: 0 });
});

it('blames no image for a process that ended once', async () => {
  const [first, second] = ['first', 'second'].map((name) => `once:${path.join(folder, name)}`);
  expect(await start().run(task('a', first!, 'b', second!))).toMatchObject({ faults: 0 });
});

it('leaves out an image that takes too long', async () => {
  expect(await start(500).run(task('a', 'hang', 'b'))).toMatchObject({ images: 3, faults: 1 });
});

it('passes on what no image is to blame for', async () => {
  await expect(start().run(task('a', 'refuse'))).rejects.toThrow(/^the disk is full$/);
  expect(await one.run(task('a'))).toMatchObject({ faults: 0 });
});

it('says so where the process cannot be started at all', async () => {
  one = new ComputingProcess({ imageTime: 60_000, program: path.join(folder, 'nothing.mjs') });
  await expect(one.run(task('a'))).rejects.toThrow(
    /^the model of the batch ended the process that computes 2 times \(code 1, /,
  );
});
