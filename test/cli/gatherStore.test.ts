import { createHash } from 'node:crypto';
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAlike } from '../../cli/src/gather/alike.ts';
import { arrangeFiles, checkFiles, findAlike } from '../../cli/src/gather/arrange.ts';
import { Journal } from '../../cli/src/gather/journal.ts';
import type { Dedupe } from '../../cli/src/gather/options.ts';
import {
  carriedNames,
  failed,
  keyOf,
  type Outcome,
  parseRecord,
  pathOf,
  Records,
} from '../../cli/src/gather/records.ts';
import { Store } from '../../cli/src/gather/store.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-gather-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const at = (...names: string[]): string => path.join(folder, ...names);

const KEEP = { size: undefined, format: 'keep', quality: 95 } as const;

describe('Journal', () => {
  const lines = async (): Promise<string[]> => {
    const found: string[] = [];
    const journal = await Journal.open(at('j'), (line) => found.push(line));
    await journal.close();
    return found;
  };

  it('keeps lines in their order, each on the disk when its promise is kept', async () => {
    const journal = await Journal.open(at('j'), () => undefined);
    const all = Array.from({ length: 100 }, (_, i) => journal.append(`line ${i}`));
    await all[0];
    expect(readFileSync(at('j'), 'utf8')).toMatch(/^line 0\n/);
    await Promise.all(all);
    await journal.append('last');
    expect(readFileSync(at('j'), 'utf8').split('\n')).toHaveLength(102);
    await journal.close();
    expect((await lines())[99]).toBe('line 99');
  });

  it.each([
    ['', []],
    ['half', []],
    ['one\n', ['one']],
    ['one\ntwo', ['one']],
    [`one\n${'x'.repeat(200_000)}`, ['one']],
    [`${'x'.repeat(65_536)}\n`, ['x'.repeat(65_536)]],
  ])('cuts off a line without an end', async (text, expected) => {
    writeFileSync(at('j'), text);
    expect(await lines()).toEqual(expected);
    appendFileSync(at('j'), 'next\n');
    expect(await lines()).toEqual([...expected, 'next']);
  });

  it('says what cannot be written', async () => {
    mkdirSync(at('j'));
    await expect(Journal.open(at('j'), () => undefined)).rejects.toThrow(
      /j: cannot be written \(is a folder/,
    );
  });
});

describe('records', () => {
  const success: Outcome = {
    ...failed('failed_to_download', ''),
    status: 'success',
    error_message: null,
    sha256: 'ab',
    phash: 'cd',
    file: '00000/000000001.jpg',
  };

  it('carry columns along, under other names where theirs are taken', () => {
    expect(carriedNames(['caption', 'width', '', 'caption', 'key', 'input_key'])).toEqual([
      'caption',
      'input_width',
      'column_3',
      'input_caption',
      'input_key',
      'input_input_key',
    ]);
  });

  it('are read as they are written', () => {
    const records = new Records({ columns: ['caption', 'status', '__proto__'] });
    const row = { index: 12, url: 'http://a/', fields: ['a "b"', 'old', 'x'] };
    const line = JSON.stringify(records.of(row, success));
    expect(line).toMatch(
      /^\{"key":"000000012","url":"http:\/\/a\/","caption":"a \\"b\\"","input_status":"old","__proto__":"x","status":"success"/,
    );
    expect(parseRecord(line)).toEqual({ index: 12, url: 'http://a/', outcome: success });
    expect(records.header()).toMatch(/^key,url,caption,input_status,__proto__,status,error_message,width,/);
    expect(records.csv(records.of(row, failed('failed_to_resize', 'not, an image')))).toMatch(
      /^000000012,http:\/\/a\/,"a ""b""",old,x,failed_to_resize,"not, an image",,/,
    );
  });

  it('are nothing else', () => {
    for (const line of ['', 'x', 'null', '[]', '{}', '{"key":"1","url":"u","status":"success"}']) {
      expect(parseRecord(line), line).toBeUndefined();
    }
    const without = { key: '000000001', url: 'u', status: 'success', sha256: 'a', file: 'f' };
    expect(parseRecord(JSON.stringify(without))).toBeUndefined();
  });

  it('have files in folders of ten thousand', () => {
    expect([keyOf(0), pathOf(9999, '.jpg'), pathOf(10_000, '.png'), pathOf(1_234_567_890, '.gif')]).toEqual([
      '000000000',
      '00000/000009999.jpg',
      '00001/000010000.png',
      '123456/1234567890.gif',
    ]);
  });
});

describe('lookAlike', () => {
  const random = Array.from({ length: 400 }, (_, i) =>
    createHash('sha256')
      .update(String(i >> 1))
      .digest('hex')
      .slice(0, 16),
  );
  /** A few bits of every second hash are others. */
  const hashes = random.map((text, i) => {
    let value = BigInt(`0x${text}`);
    if (i % 2 === 1) for (let bit = 0; bit < i % 9; bit++) value ^= 1n << BigInt((bit * 37 + i) % 64);
    return value.toString(16).padStart(16, '0');
  });
  const differing = (a: string, b: string): number =>
    (BigInt(`0x${a}`) ^ BigInt(`0x${b}`)).toString(2).replaceAll('0', '').length;

  it.each([0, 1, 3, 4, 7, 20, 27, 63])('finds the first of those that differ in %i bits', (distance) => {
    const kept: number[] = [];
    const expected = hashes.map((hash, i) => {
      const first = kept.find((one) => differing(hashes[one]!, hash) <= distance);
      if (first === undefined) kept.push(i);
      return first;
    });
    expect(lookAlike(hashes, distance)).toEqual(expected);
    if (distance < 63) expect(kept.length).toBeGreaterThan(1);
    expect(kept.length).toBeLessThan(hashes.length);
  });
});

describe('files', () => {
  const image = (index: number, sha: string, phash = '0000000000000000'): Outcome => ({
    ...failed('failed_to_download', ''),
    status: 'success',
    error_message: null,
    sha256: sha,
    phash,
    file: `00000/${keyOf(index)}.jpg`,
  });
  const files = (): string[] => readdirSync(at('00000')).sort();
  const put = async (store: Store, index: number, sha: string): Promise<void> =>
    store.write(pathOf(index, '.jpg'), Buffer.from(sha));

  const arrange = (outcomes: Map<number, Outcome>, dedupe: Dedupe, store: Store) =>
    arrangeFiles(outcomes, findAlike(outcomes, 4), dedupe, store);

  it('are those of the first row, whichever came first', async () => {
    const store = await Store.open(folder, KEEP);
    await put(store, 7, 'same');
    await put(store, 8, 'other');
    // Row 3 came after row 7, with the same bytes.
    const outcomes = new Map([
      [7, image(7, 'same')],
      [8, image(8, 'other', 'ffffffffffffffff')],
      [3, { ...image(3, 'same'), file: pathOf(7, '.jpg') }],
      [4, failed('failed_to_download', 'no')],
    ]);
    const arranged = await arrange(outcomes, 'bytes', store);
    expect(files()).toEqual(['000000003.jpg', '000000008.jpg']);
    expect([3, 4, 7, 8].map((index) => arranged.get(index)!.file)).toEqual([
      '00000/000000003.jpg',
      null,
      '00000/000000003.jpg',
      '00000/000000008.jpg',
    ]);
    // The same again changes nothing, also where the manifest has not been written since.
    expect(await arrange(await checkFiles(outcomes, store), 'bytes', store)).toEqual(arranged);
    expect(await arrange(await checkFiles(arranged, store), 'bytes', store)).toEqual(arranged);
    const all = await arrange(arranged, 'none', store);
    expect(files()).toEqual(['000000003.jpg', '000000007.jpg', '000000008.jpg']);
    expect(readFileSync(at(all.get(7)!.file!), 'utf8')).toBe('same');
    await arrange(all, 'bytes', store);
    expect(files()).toEqual(['000000003.jpg', '000000008.jpg']);
  });

  it('that look like an earlier one are put aside, and back', async () => {
    const store = await Store.open(folder, KEEP);
    for (const index of [1, 2, 3]) await put(store, index, `${index}`);
    const outcomes = new Map([
      [3, image(3, '3', '000000000000000f')],
      [1, image(1, '1')],
      [2, image(2, '2', 'ffffffffffffffff')],
      [5, { ...image(5, '3', '000000000000000f'), file: pathOf(3, '.jpg') }],
    ]);
    const arranged = await arrange(outcomes, 'hash', store);
    expect(files()).toEqual(['000000001.jpg', '000000002.jpg']);
    expect([3, 5].map((index) => arranged.get(index)!.file)).toEqual(
      Array(2).fill('near-duplicates/00000/000000003.jpg'),
    );
    expect(readFileSync(at('near-duplicates/00000/000000003.jpg'), 'utf8')).toBe('3');
    // Also where the manifest has not been written since.
    expect(await arrange(await checkFiles(outcomes, store), 'hash', store)).toEqual(arranged);
    // An earlier row that came later.
    const more = new Map([
      ...(await checkFiles(arranged, store)),
      [0, image(0, '0', 'fffffffffffffff0')],
    ] as const);
    await put(store, 0, '0');
    await arrange(more, 'hash', store);
    expect(files()).toEqual(['000000000.jpg', '000000001.jpg']);
    await arrange(await checkFiles(more, store), 'bytes', store);
    expect(files()).toEqual(['000000000.jpg', '000000001.jpg', '000000002.jpg', '000000003.jpg']);
    expect(readdirSync(at('near-duplicates', '00000'))).toEqual([]);
  });

  it('that are missing are fetched again, and those of no record removed', async () => {
    const store = await Store.open(folder, KEEP);
    await put(store, 1, 'a');
    await put(store, 5, 'left by a killed run');
    writeFileSync(at('00000', 'notes.txt'), 'mine');
    const held = await checkFiles(
      new Map([
        [1, image(1, 'a')],
        [2, image(2, 'b')],
        [3, failed('failed_to_resize', 'x')],
      ]),
      store,
    );
    expect([...held.keys()].sort()).toEqual([1, 3]);
    expect(files()).toEqual(['000000001.jpg', 'notes.txt']);
  });

  it('that are half-written are removed by the next run', async () => {
    await Store.open(folder, KEEP);
    for (const name of ['.partial/x', '.manifest.csv.1-2.tmp', '.gather.json.1.tmp', '.mine'])
      writeFileSync(at(name), '');
    await (await Store.open(folder, KEEP)).close();
    expect(readdirSync(folder).sort()).toEqual(['.mine', 'gather.json']);
  });

  it('are not mixed with others, nor with those of other settings', async () => {
    mkdirSync(at('other'));
    await expect(Store.open(folder, KEEP)).rejects.toThrow(/has files, and none of an earlier fovea gather/);
    await Store.open(at('new', 'deep'), { ...KEEP, size: 64 });
    await Store.open(at('new', 'deep'), { ...KEEP, size: 64 });
    await expect(Store.open(at('new', 'deep'), KEEP)).rejects.toThrow(
      /gathered with --size 64 --format keep --quality 95, not --size none --format keep --quality 95; give the same/,
    );
    writeFileSync(at('new', 'deep', 'gather.json'), 'damaged');
    await expect(Store.open(at('new', 'deep'), KEEP)).rejects.toThrow(
      /with other settings \(gather\.json\), not --size/,
    );
  });
});
