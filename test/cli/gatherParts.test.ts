import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readBody } from '../../cli/src/gather/body.ts';
import { DownloadError } from '../../cli/src/gather/failure.ts';
import { readList } from '../../cli/src/gather/list.ts';
import { retryAfterSeconds } from '../../cli/src/gather/retryAfter.ts';
import { forbiddingTag, Robots } from '../../cli/src/gather/robots.ts';
import { byTurns } from '../../cli/src/gather/turns.ts';
import { DataError, UsageError } from '../../src/errors.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-gather-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));
const at = (...names: string[]): string => path.join(folder, ...names);

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
    await expect(readList('https://example.org/a.jpg')).rejects.toThrow(
      'https://example.org/a.jpg: is a URL, not a list; write it into a text file, a URL on each line',
    );
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
