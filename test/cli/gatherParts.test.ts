import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { arrangeFiles, checkFiles } from '../../cli/src/gather/arrange.ts';
import { readBody } from '../../cli/src/gather/body.ts';
import { DownloadError } from '../../cli/src/gather/failure.ts';
import { Journal } from '../../cli/src/gather/journal.ts';
import { readList } from '../../cli/src/gather/list.ts';
import {
  carriedNames,
  failed,
  keyOf,
  type Outcome,
  parseRecord,
  pathOf,
  Records,
} from '../../cli/src/gather/records.ts';
import { retryAfterSeconds } from '../../cli/src/gather/retryAfter.ts';
import { forbiddingTag, Robots } from '../../cli/src/gather/robots.ts';
import { Store } from '../../cli/src/gather/store.ts';
import { byTurns } from '../../cli/src/gather/turns.ts';
import { DataError, UsageError } from '../../src/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-gather-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const at = (...names: string[]): string => path.join(folder, ...names);

const KEEP = { size: undefined, format: 'keep', quality: 95 } as const;

describe('readList', () => {
  const list = (name: string, text: string, column?: string) => {
    writeFileSync(at(name), text);
    return readList(at(name), column);
  };

  it('reads a URL a line, without comments and blank lines', async () => {
    const { rows, columns } = await list('a.txt', '\ufeff# mine\r\nhttp://a/#x\r\n\n  http://b/ \n#end');
    expect(columns).toEqual([]);
    expect(rows.map(({ index, url }) => [index, url])).toEqual([
      [0, 'http://a/#x'],
      [1, 'http://b/'],
    ]);
  });

  it('reads tables, with the other columns of each row', async () => {
    const { rows, columns } = await list(
      'a.csv',
      'caption,URL,licence\n"a, b",http://a/,CC0\nc,http://b/\n,,\n',
    );
    expect(columns).toEqual(['caption', 'licence']);
    expect(rows).toEqual([
      { index: 0, url: 'http://a/', fields: ['a, b', 'CC0'] },
      { index: 1, url: 'http://b/', fields: ['c', ''] },
      { index: 2, url: '', fields: ['', ''] },
    ]);
    expect((await list('a.tsv', 'image_url\tsource\nhttp://a/?b,c\td\n')).rows[0]).toEqual({
      index: 0,
      url: 'http://a/?b,c',
      fields: ['d'],
    });
    expect((await list('b.csv', 'url,Large URL\nx,http://a/\n', 'large-url')).rows[0]!.url).toBe('http://a/');
  });

  it.each<[string, string, string | undefined, RegExp]>([
    [
      'a.csv',
      'caption,address\n',
      undefined,
      /a\.csv: has no column url \(its columns are caption, address\).*--url-column/,
    ],
    ['a.csv', '', undefined, /has no column url \(it is empty\)/],
    ['a.csv', 'url\n', undefined, /there is no URL in it/],
    ['a.csv', 'url,b\nhttp://a/\nhttp://a/,b,c\n', undefined, /line 3 has 3 fields, the header 2/],
    ['a.csv', 'url\n"http', undefined, /line 2: a quote is not closed/],
    ['a.csv', 'url\nhttp://a/', 'link', /has no column link/],
    ['a.txt', '# nothing\n', undefined, /there is no URL in it/],
    ['a.txt', 'http://a/', 'url', /is no table.*--url-column/],
  ])('refuses %s of %j', async (name, text, column, message) => {
    const error = await list(name, text, column).catch((reason: unknown) => reason);
    expect(error instanceof DataError || error instanceof UsageError).toBe(true);
    expect((error as Error).message).toMatch(message);
  });

  it('names a file that is not there', async () => {
    await expect(readList(at('none.txt'))).rejects.toThrow(/none\.txt: cannot be read \(no such file/);
  });
});

describe('retryAfterSeconds', () => {
  const date = 'Wed, 21 Oct 2015 07:28:00 GMT';
  it.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['0', 0],
    [' 120 ', 120],
    ['1.5', 1.5],
    ['-1', undefined],
    ['soon', undefined],
    ['', undefined],
    ['Wed, 21 Oct 2015 07:29:30 GMT', 90],
    ['Wednesday, 21-Oct-15 07:28:05 GMT', 5],
    ['Wed Oct 21 07:28:07 2015 GMT', 7],
    ['Tue, 20 Oct 2015 07:28:00 GMT', 0],
  ])('%j is %j', (value, seconds) => {
    expect(retryAfterSeconds(value, date)).toBe(seconds);
  });
  it('compares a date with the clock where the server says no date', () => {
    expect(retryAfterSeconds('Fri, 31 Dec 9999 23:59:59 GMT', undefined)).toBeGreaterThan(1e9);
    expect(retryAfterSeconds(date, 'yesterday')).toBe(0);
  });
});

describe('robots.txt', () => {
  const site = new URL('http://example.org/');
  const at = (path: string): URL => new URL(path, site);
  const robots = (answer: string | DownloadError) => {
    let asked = 0;
    const rules = new Robots('fovea/1 (+http://x)', async (url) => {
      expect(url.pathname).toBe('/robots.txt');
      asked++;
      if (typeof answer === 'string') return answer;
      throw answer;
    });
    return { rules, asked: () => asked };
  };
  const httpError = (httpStatus: number) =>
    new DownloadError(`HTTP Error ${httpStatus}`, { retriable: true, httpStatus });

  it('is read once for a site, and its longest rule counts', async () => {
    const text =
      'User-agent: *\nDisallow: /\n\nUser-agent: Fovea\nDisallow: /a\nAllow: /a/*.jpg$\nCrawl-delay: 1.5';
    const { rules, asked } = robots(text);
    const found = await rules.rules(at('/a'));
    expect(['/b', '/a/b', '/a/b.jpg', '/a/b.jpg?c'].map((path) => found.allows(at(path)))).toEqual([
      true,
      false,
      true,
      false,
    ]);
    expect(found.delay).toBe(1500);
    await rules.rules(at('/b'));
    expect(asked()).toBe(1);
    await rules.rules(new URL('https://example.org/'));
    expect(asked()).toBe(2);
  });

  it('allows all where there is none, and nothing where it cannot be had', async () => {
    for (const status of [400, 401, 403, 404, 410, 451]) {
      const { allows, delay } = await robots(httpError(status)).rules.rules(site);
      expect([allows(at('/a')), delay], `${status}`).toEqual([true, 0]);
    }
    for (const status of [429, 500, 503]) {
      await expect(robots(httpError(status)).rules.rules(site)).rejects.toMatchObject({
        message: `robots.txt: HTTP Error ${status}`,
        retriable: false,
      });
    }
    const refused = robots(new DownloadError('connection refused', { retriable: true }));
    await expect(refused.rules.rules(site)).rejects.toThrow(/^connection refused$/);
  });

  it('has a say in headers, too', () => {
    const tag = (...headers: string[]) => forbiddingTag(headers, 'Fovea/1');
    expect(tag()).toBeUndefined();
    expect(tag('nofollow, noarchive')).toBeUndefined();
    expect(tag('nofollow, NoAI')).toBe('noai');
    expect(tag('otherbot: noindex, noai')).toBeUndefined();
    expect(tag('otherbot: noindex', 'fovea: none, noimageai')).toBe('noimageai');
    expect(tag('max-snippet: 5, noindex')).toBe('noindex');
    expect(tag('unavailable_after: 25 Jun 2010 15:00:00 PST, noindex')).toBe('noindex');
  });
});

describe('byTurns', () => {
  it('takes one of each group, of a few groups at a time', () => {
    const turns = (open: number) => [
      ...byTurns(['a1', 'a2', 'a3', 'b1', 'c1', 'c2'], ([group]) => group!, open),
    ];
    expect(turns(3)).toEqual(['a1', 'b1', 'c1', 'a2', 'c2', 'a3']);
    expect(turns(2)).toEqual(['a1', 'b1', 'a2', 'c1', 'a3', 'c2']);
    expect(turns(1)).toEqual(['a1', 'a2', 'a3', 'b1', 'c1', 'c2']);
    expect([...byTurns([], String, 3)]).toEqual([]);
  });
});

describe('readBody', () => {
  const data = Buffer.from('abcdefghij'.repeat(1000));
  const read = (bytes: Buffer, encoding?: string, maxBytes = 10_000, longer: 'fails' | 'is cut' = 'fails') =>
    readBody(
      Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]),
      encoding,
      { maxBytes, longer },
      () => undefined,
    );

  it.each<[string | undefined, Buffer]>([
    [undefined, data],
    ['identity', data],
    ['gzip', gzipSync(data)],
    ['X-GZIP', gzipSync(data)],
    ['deflate', deflateSync(data)],
    ['br', brotliCompressSync(data)],
    ['deflate, gzip', gzipSync(deflateSync(data))],
  ])('decodes %s', async (encoding, bytes) => {
    expect((await read(bytes, encoding)).equals(data)).toBe(true);
  });

  it('counts the decoded bytes, and those that arrive', async () => {
    await expect(read(data, undefined, 9999)).rejects.toThrow(/^more than 9999 bytes/);
    await expect(read(gzipSync(data), 'gzip', 9999)).rejects.toThrow(/^more than 9999 bytes/);
    await expect(read(gzipSync(Buffer.alloc(2 ** 27)), 'gzip')).rejects.toThrow(/^more than 10000 bytes/);
    expect((await read(data, undefined, 25, 'is cut')).toString()).toBe('abcdefghijabcdefghijabcde');
    expect((await read(gzipSync(data), 'gzip', 3, 'is cut')).toString()).toBe('abc');
  });

  it.each<[string, Buffer, RegExp, boolean]>([
    ['gzip', gzipSync(data).subarray(0, 20), /^the body was cut off$/, true],
    ['br', brotliCompressSync(data).subarray(0, 20), /^the body was cut off$/, true],
    ['gzip', data, /^the compressed body is damaged$/, false],
    ['br', data, /^the compressed body is damaged$/, false],
    ['zstd', data, /^content encoding "zstd" is not known$/, false],
    ['gzip, gzip, gzip', data, /^content encoding "gzip, gzip, gzip" is not known$/, false],
    ['constructor', data, /is not known$/, false],
  ])('refuses %s that is none', async (encoding, bytes, message, retriable) => {
    await expect(read(bytes, encoding)).rejects.toMatchObject({
      message: expect.stringMatching(message),
      retriable,
    });
  });
});

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
    const without = { key: '000000001', url: 'u', status: 'success', sha256: 'a' };
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

describe('files', () => {
  const image = (index: number, sha: string): Outcome => ({
    ...failed('failed_to_download', ''),
    status: 'success',
    error_message: null,
    sha256: sha,
    file: `00000/${keyOf(index)}.jpg`,
  });
  const files = (): string[] => readdirSync(at('00000')).sort();
  const put = async (store: Store, index: number, sha: string): Promise<void> =>
    store.write(pathOf(index, '.jpg'), Buffer.from(sha));

  it('are those of the first row, whichever came first', async () => {
    const store = await Store.open(folder, KEEP);
    await put(store, 7, 'same');
    await put(store, 8, 'other');
    // Row 3 came after row 7, with the same bytes.
    const outcomes = new Map([
      [7, image(7, 'same')],
      [8, image(8, 'other')],
      [3, { ...image(3, 'same'), file: pathOf(7, '.jpg') }],
      [4, failed('failed_to_download', 'no')],
    ]);
    const arranged = await arrangeFiles(outcomes, 'bytes', store);
    expect(files()).toEqual(['000000003.jpg', '000000008.jpg']);
    expect([3, 4, 7, 8].map((index) => arranged.get(index)!.file)).toEqual([
      '00000/000000003.jpg',
      null,
      '00000/000000003.jpg',
      '00000/000000008.jpg',
    ]);
    // The same again changes nothing, also where the manifest has not been written since.
    expect(await arrangeFiles(await checkFiles(outcomes, store), 'bytes', store)).toEqual(arranged);
    expect(await arrangeFiles(await checkFiles(arranged, store), 'bytes', store)).toEqual(arranged);
    const all = await arrangeFiles(arranged, 'none', store);
    expect(files()).toEqual(['000000003.jpg', '000000007.jpg', '000000008.jpg']);
    expect(readFileSync(at(all.get(7)!.file!), 'utf8')).toBe('same');
    await arrangeFiles(all, 'bytes', store);
    expect(files()).toEqual(['000000003.jpg', '000000008.jpg']);
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
      /with other values of --size, --format or --quality/,
    );
  });
});
