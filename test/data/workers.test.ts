import { spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Sample } from '../../src/data/dataset.ts';
import { DataLoader, type DataLoaderOptions, type LoadedBatch } from '../../src/data/loader.ts';
import { serveBatches } from '../../src/data/serveBatches.ts';
import { WorkerPool } from '../../src/data/workers.ts';
import { DataError, LifetimeError, UsageError } from '../../src/errors.ts';
import { CropLoader, type CropLoaderOptions } from '../../src/tasks/cropLoader.ts';
import { type Drawn, maker, type Pixels } from './batchWorkerMaker.ts';

let folder: string;
let module: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-workers-'));
  module = path.join(folder, 'batchWorker.mjs');
  const entry = path.join(import.meta.dirname, 'batchWorker.ts');
  await build({ entryPoints: [entry], outfile: module, bundle: true, format: 'esm', platform: 'node' });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const poolOf = (count: number) => new WorkerPool(() => new Worker(module), { count });
const items = Array.from(
  { length: 10 },
  (_, i): Pixels => ({
    name: `image ${i}`,
    values: Float32Array.of(i, i / 3, -i),
  }),
);
const options = { batchSize: 3, shuffle: true, seed: 'order' } as const;
type Options = DataLoaderOptions<Pixels, Drawn, Float32Array>;
const loaderOf = (more: Options, of: readonly Pixels[] = items) =>
  new DataLoader<Pixels, Drawn, Float32Array>(of, { ...options, ...more });

async function all(batches: AsyncGenerator<LoadedBatch<Pixels, Drawn>, void>) {
  const found = [];
  for await (const batch of batches) found.push(batch);
  return found;
}

describe('a DataLoader with workers', () => {
  it('gives the batches that it gives without, bit for bit, with any number of them', async () => {
    const alone = loaderOf({ ...maker });
    const expected = [...(await all(alone.batches(0))), ...(await all(alone.batches(3, 2)))];
    expect(expected).toHaveLength(6);
    for (const count of [1, 3]) {
      using workers = poolOf(count);
      const loader = loaderOf({ workers });
      const found = [...(await all(loader.batches(0))), ...(await all(loader.batches(3, 2)))];
      expect(found).toEqual(expected);
      // What is sent is the part, not the buffer that it was a part of.
      expect(found[0]!.batch.part.data.buffer.byteLength).toBe(8);
    }
  });

  it('serves several loaders, with data of their own', async () => {
    using workers = poolOf(2);
    const [train, valid] = [
      loaderOf({ workers }),
      loaderOf({ workers, shuffle: false, seed: 1, data: 'valid' }),
    ];
    const [a, b] = await Promise.all([all(train.batches(1)), all(valid.batches(0))]);
    expect(a).toEqual(await all(loaderOf({ ...maker }).batches(1)));
    expect(b).toEqual(await all(loaderOf({ ...maker, shuffle: false, seed: 1, data: 'valid' }).batches(0)));
  });

  it('sends the items of a set that is no array with each batch', async () => {
    using workers = poolOf(1);
    const set = { length: items.length, get: (i: number) => items[i]! };
    const loader = new DataLoader<Pixels, Drawn, Float32Array>(set, { ...options, workers });
    await expect(all(loader.batches(0))).rejects.toThrow(
      /CollateContext\.other needs the items as an array where workers make batches/,
    );
  });

  it('names the item that cannot be loaded, as without workers, and goes on', async () => {
    using workers = poolOf(2);
    const withBad = items.with(4, { name: 'bad', values: new Float32Array(3) });
    const message = 'bad: cannot be loaded: no such image; correct or leave out the item';
    for (const how of [{ workers }, maker]) {
      const failing = all(loaderOf(how, withBad).batches(0));
      await expect(failing).rejects.toThrow(DataError);
      await expect(all(loaderOf(how, withBad).batches(0))).rejects.toThrow(message);
    }
    expect(await all(loaderOf({ workers }).batches(0))).toHaveLength(4);
    await expect(all(loaderOf({ workers, data: 'fail' }).batches(0))).rejects.toThrow(
      'a batch cannot be made: no such shape',
    );
  });

  it('says where a worker ends, and takes no more jobs', async () => {
    using workers = poolOf(1);
    const loader = loaderOf({ workers }, [{ name: 'exit', values: new Float32Array(3) }]);
    await expect(all(loader.batches(0))).rejects.toThrow('a worker has ended with exit code 3');
    await expect(all(loader.batches(0))).rejects.toThrow(DataError);
  });

  it('says where the module of a worker cannot be used', async () => {
    const bad = path.join(folder, 'bad.mjs');
    await writeFile(bad, 'throw new Error("not today");');
    using workers = new WorkerPool(() => new Worker(bad), { count: 1 });
    await expect(all(loaderOf({ workers }).batches(0))).rejects.toThrow('a worker failed: not today');
  });

  it('ends with its pool: batches that are still made are errors', async () => {
    const workers = poolOf(2);
    const loader = loaderOf({ workers });
    const batches = loader.batches(0);
    await batches.next();
    const next = batches.next();
    workers.dispose();
    workers.dispose();
    // The next one may have been there already.
    await next.catch((error) => expect(error).toBeInstanceOf(LifetimeError));
    await expect(all(loader.batches(1))).rejects.toThrow('WorkerPool: is disposed of');
  });

  it('does not keep a process alive, also where an epoch was left early', async () => {
    const script = path.join(folder, 'early.mjs');
    const data = path.join(import.meta.dirname, '../../src/data');
    const contents = `
      import { Worker } from 'node:worker_threads';
      import { DataLoader } from '${data}/loader.ts';
      import { WorkerPool } from '${data}/workers.ts';
      const workers = new WorkerPool(() => new Worker(${JSON.stringify(module)}), { count: 2 });
      const items = Array.from({ length: 9 }, (_, i) => ({ name: String(i), values: Float32Array.of(i) }));
      for await (const { index } of new DataLoader(items, { workers, batchSize: 2 }).batches(0)) {
        console.log(index);
        break;
      }`;
    await build({
      stdin: { contents, resolveDir: folder, loader: 'js' },
      outfile: script,
      bundle: true,
      format: 'esm',
      platform: 'node',
    });
    const child = spawn(process.execPath, [script]);
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect([code, said]).toEqual([0, '0\n']);
  });
});

describe('a CropLoader with workers', () => {
  const sample = (name: string, label: string): Sample => {
    const [width, height] = [40, 30];
    const data = Float32Array.from({ length: width * height * 3 }, (_, i) => ((i * 7) % 11) / 11);
    const mask = { x: 3, y: 4, width: 5, height: 6, data: new Uint8Array(30).fill(1) };
    const box = [3, 4, 8, 10] as const;
    return {
      name,
      image: { width, height, channels: 3, data },
      annotation: { width, height, shapes: [{ label, box, groupId: null, mask }] },
    };
  };
  const samples = [sample('a', 'ball'), sample('b', 'crate'), sample('c', 'ball')];
  const crops = {
    batchSize: 2,
    size: [16, 16],
    classNames: ['ball', 'crate'],
    seed: 3,
    augment: 'default',
  } as const;

  it('gives the crops that it gives without, bit for bit, also from any batch on', async () => {
    using workers = poolOf(2);
    for (const task of [{ task: 'segment' }, { task: 'detect', masks: true, firstSeed: 9 }] as const) {
      const given: CropLoaderOptions<'detect' | 'segment'> = { ...crops, ...task };
      const [alone, many] = [new CropLoader(samples, given), new CropLoader(samples, { ...given, workers })];
      const collected = async (loader: typeof alone) => {
        const found = [];
        for await (const { batch, items, index } of loader.batches(0))
          found.push({ batch, names: items.map(({ name }) => name), index });
        for await (const { batch } of loader.batches(2, 1)) found.push(batch);
        return found;
      };
      const expected = await collected(alone);
      expect(expected).toHaveLength(3);
      expect(await collected(many)).toEqual(expected);
    }
  });
});

describe('options', () => {
  it('that cannot be used', () => {
    expect(() => loaderOf({})).toThrow('DataLoader: needs collate, or workers');
    expect(() => new WorkerPool(() => new Worker(module), { count: 0 })).toThrow(UsageError);
    expect(() => serveBatches(maker)).toThrow(/serveBatches: this thread is no worker/);
    using workers = poolOf(1);
    expect(() => loaderOf({ workers, ...maker })).toThrow(/got both/);
  });
});
