import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/data/batch.ts';
import { DataError, ShapeError, UsageError } from '../../src/errors.ts';
import { fileStorage } from '../../src/io/index.ts';
import { createIndex, FlatIndex, type IndexStorage, nearest, openIndex } from '../../src/similarity/index.ts';
import { Random } from '../../src/vision/random.ts';
import { sharedGpu } from '../sharedGpu.ts';

const gpu = await sharedGpu();
const folder = mkdtempSync(join(tmpdir(), 'fovea-index-'));
afterAll(() => rmSync(folder, { recursive: true }));

function normal(n: number, d: number, seed: number): HostTensor {
  const random = new Random(seed);
  return { data: Float32Array.from({ length: n * d }, () => random.normal()), shape: [n, d] };
}

/** Bytes in memory. */
function memory(bytes = new Uint8Array()): IndexStorage & { bytes: Uint8Array } {
  const storage = {
    name: 'memory',
    bytes,
    size: async () => storage.bytes.length,
    read: async (offset: number, length: number) => storage.bytes.slice(offset, offset + length),
    append: async (more: Uint8Array) => {
      const joined = new Uint8Array(storage.bytes.length + more.length);
      joined.set(storage.bytes);
      joined.set(more, storage.bytes.length);
      storage.bytes = joined;
    },
    truncate: async (size: number) => {
      storage.bytes = storage.bytes.slice(0, size);
    },
    sync: async () => undefined,
    close: async () => undefined,
  };
  return storage;
}

describe('an index file', () => {
  it('holds what was appended and not removed, and finds it as an index in memory does', async () => {
    const file = join(folder, 'a.index');
    const x = normal(120, 7, 1);
    const names = Array.from({ length: 120 }, (_, i) => (i % 3 === 0 ? i : `images/ä ${i}.jpg`));
    const index = await createIndex(await fileStorage(file, 'create'), {
      d: 7,
      metric: 'dot',
      meta: { model: 'm' },
    });
    await index.append({ data: x.data.slice(0, 7 * 50), shape: [50, 7] }, names.slice(0, 50));
    expect(await index.remove(['images/ä 1.jpg', 3, 'none'])).toBe(2);
    await index.append({ data: x.data.slice(7 * 50), shape: [70, 7] }, names.slice(50));
    await index.close();

    const opened = await openIndex(await fileStorage(file, 'read'), { readOnly: true });
    expect([opened.d, opened.metric, opened.meta, opened.size]).toEqual([7, 'dot', { model: 'm' }, 118]);
    expect(opened.ids).toEqual(names.filter((_, i) => i !== 1 && i !== 3));
    expect(opened.has('images/ä 1.jpg')).toBe(false);
    expect([...(await opened.get(6))!]).toEqual([...x.data.slice(42, 49)]);
    using flat = new FlatIndex(gpu, 7, { metric: 'dot' });
    flat.add(x, names);
    flat.remove(['images/ä 1.jpg', 3]);
    const queries = normal(4, 7, 2);
    const filter = (id: number | string) => id !== names[60];
    expect(await opened.search(gpu, queries, 9, { filter })).toEqual(
      await flat.search(queries, 9, { filter }),
    );
    await expect(opened.remove([6])).rejects.toThrow('was opened to be read only');
    await opened.close();

    const again = await openIndex(await fileStorage(file, 'write'));
    const target = memory();
    const smaller = await again.compactInto(target);
    await again.close();
    expect(smaller.ids).toEqual(again.ids);
    expect(await smaller.search(gpu, queries, 9)).toEqual(await flat.search(queries, 9));
    expect(target.bytes.length).toBeLessThan(readFileSync(file).length);
  });

  it('cut off at any byte while it was written holds all records before, and goes on', async () => {
    const storage = memory();
    const index = await createIndex(storage, { d: 2, metric: 'euclidean' });
    const ends = [storage.bytes.length];
    const ids: (number | string)[][] = [[]];
    const step = async (work: Promise<unknown>) => {
      await work;
      ends.push(storage.bytes.length);
      ids.push([...index.ids]);
    };
    await step(index.append(normal(3, 2, 1), ['a', 'b', 'c']));
    await step(index.remove(['b']));
    await step(index.append(normal(2, 2, 2)));
    for (let size = ends[0]!; size <= storage.bytes.length; size++) {
      const whole = ends.findLastIndex((end) => end <= size);
      const cut = memory(storage.bytes.slice(0, size));
      const read = await openIndex(cut, { readOnly: true });
      expect(read.ids).toEqual(ids[whole]);
      expect(cut.bytes.length).toBe(size);
      const opened = await openIndex(cut);
      expect(opened.ids).toEqual(ids[whole]);
      await opened.append(normal(1, 2, 3), ['new']);
      const later = await openIndex(cut);
      expect(later.ids).toEqual([...ids[whole]!, 'new']);
      expect([...(await later.get('new'))!]).toEqual([...normal(1, 2, 3).data]);
    }
    for (let size = 0; size < ends[0]!; size++) {
      const opened = openIndex(memory(storage.bytes.slice(0, size)));
      await expect(opened).rejects.toThrow(DataError);
    }
  });

  it('leaves out a last record whose bytes are not what was written, and refuses one that is damaged elsewhere', async () => {
    const storage = memory();
    const index = await createIndex(storage, { d: 2 });
    await index.append(normal(1, 2, 1), ['a']);
    const middle = storage.bytes.length;
    await index.append(normal(1, 2, 2), ['b']);
    const lost = storage.bytes.slice();
    lost[lost.length - 1]! ^= 1;
    expect((await openIndex(memory(lost))).ids).toEqual(['a']);
    const zeros = new Uint8Array(middle + 100);
    zeros.set(storage.bytes.slice(0, middle));
    expect((await openIndex(memory(zeros))).ids).toEqual(['a']);
    const bad = storage.bytes.slice();
    bad[middle + 9]! ^= 1;
    await expect(openIndex(memory(bad))).rejects.toThrow(`memory: is damaged at byte ${middle}`);
    const header = storage.bytes.slice();
    header[13]! ^= 1;
    await expect(openIndex(memory(header))).rejects.toThrow(DataError);
    writeFileSync(join(folder, 'text'), 'something else that is long enough to be a header');
    await expect(openIndex(await fileStorage(join(folder, 'text'), 'read'))).rejects.toThrow(
      'is no index file',
    );
  });

  it('finds damage at any byte, and tells what it leaves out', async () => {
    const storage = memory();
    const index = await createIndex(storage, { d: 2 });
    const start = storage.bytes.length;
    await index.append(normal(3, 2, 1), ['a', 'b', 7]);
    await index.remove(['b']);
    const last = storage.bytes.length;
    await index.append(normal(1, 2, 2), ['c']);
    expect((await openIndex(storage)).unfinished).toBe(0);
    for (let at = start; at < storage.bytes.length; at++) {
      const bad = storage.bytes.slice();
      bad[at]! ^= 1 << (at % 8);
      const opened = openIndex(memory(bad), { readOnly: true });
      if (at < last + 24)
        await expect(opened).rejects.toThrow(/^memory: is damaged at byte \d+; make it anew/);
      else {
        expect((await opened).ids).toEqual(['a', 7]);
        expect((await opened).unfinished).toBe(bad.length - last);
      }
    }
    const vectors = storage.bytes.slice();
    vectors[last - 40]! ^= 1;
    expect((await openIndex(memory(vectors), { check: false })).ids).toEqual(['a', 7, 'c']);
  });

  it('refuses ids that it does not understand, also without comparing checksums', async () => {
    const storage = memory();
    const index = await createIndex(storage, { d: 1 });
    const place = storage.bytes.length + 24;
    await index.append(normal(3, 1, 1), ['a', 'b', 'c']);
    await index.append(normal(1, 1, 2), ['d']);
    for (const ids of [
      '["a","b","a"]',
      '["a","b", 0 ',
      '["a","b",{} ',
      '["a","b"]',
      '["a","b",null',
      '"a,b,c"',
    ]) {
      const bad = storage.bytes.slice();
      bad.set(new TextEncoder().encode(ids.padEnd(16)), place);
      await expect(openIndex(memory(bad), { check: false })).rejects.toThrow('is damaged at byte');
    }
  });

  it('has no numbers for items after the largest whole number', async () => {
    const index = await createIndex(memory(), { d: 1 });
    await index.append(normal(1, 1, 1), [Number.MAX_SAFE_INTEGER - 1]);
    await index.append(normal(1, 1, 1));
    await expect(index.append(normal(1, 1, 1))).rejects.toThrow('there are no whole numbers after');
    expect(index.ids).toEqual([Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER]);
  });

  it.skipIf(process.platform === 'win32')('is in a file, not in a folder, a pipe or a device', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe')]);
    for (const [file, problem] of [
      [folder, 'it is a folder'],
      [join(folder, 'pipe'), 'it is a device, a pipe or a socket'],
      ['/dev/null', 'it is a device, a pipe or a socket'],
    ] as const) {
      for (const mode of ['read', 'write'] as const)
        await expect(fileStorage(file, mode)).rejects.toThrow(`${file}: cannot be opened: ${problem}`);
    }
  });

  it('keeps its records whole where the disk refuses one', async () => {
    const storage = memory();
    const index = await createIndex(storage, { d: 2 });
    await index.append(normal(1, 2, 1), ['a']);
    const append = storage.append;
    let writes = 0;
    storage.append = async (bytes) => {
      if (++writes === 3) throw new DataError('memory: the disk is full');
      return append(bytes);
    };
    await expect(index.append(normal(1, 2, 2), ['b'])).rejects.toThrow('the disk is full');
    expect(index.ids).toEqual(['a']);
    await index.append(normal(1, 2, 3), ['c']);
    expect((await openIndex(storage)).ids).toEqual(['a', 'c']);
  });

  it('is searched block by block, in the order of its rows', async () => {
    const storage = memory();
    const x = normal(20_000, 3, 5);
    const index = await createIndex(storage, { d: 3, metric: 'manhattan' });
    await index.append(x);
    const queries = normal(5, 3, 6);
    const { ids, ...found } = await index.search(gpu, queries, 4);
    expect(found).toEqual(await nearest(gpu, queries, x, 4, { metric: 'manhattan' }));
    expect(ids).toEqual([...found.indices]);
  });

  it('refuses what it cannot take', async () => {
    const storage = memory();
    await expect(createIndex(storage, { d: 0 })).rejects.toThrow('d is 0; give 1 or more');
    await expect(createIndex(storage, { d: 2, metric: 'l2' as never })).rejects.toThrow(UsageError);
    const index = await createIndex(storage, { d: 2 });
    await expect(createIndex(storage, { d: 2 })).rejects.toThrow('is not empty');
    await expect(index.append(normal(1, 3, 1))).rejects.toThrow(ShapeError);
    await index.append(normal(1, 2, 1), ['a']);
    await expect(index.append(normal(1, 2, 1), ['a'])).rejects.toThrow('id "a" is there already');
    await expect(fileStorage(join(folder, 'none'), 'read')).rejects.toThrow('no such file');
    await expect(fileStorage(join(folder, 'text'), 'create')).rejects.toThrow('it is there already');
  });
});
