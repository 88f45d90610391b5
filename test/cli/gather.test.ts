import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/index.ts';
import { perceptualHash } from '../../src/similarity/index.ts';
import { type HostileServer, startHostileServer } from './gatherServer.ts';
import { buildCli, fovea, startFovea } from './run.ts';

/** FOVEA_GATHER_URLS=1000 asks for more, by hand. */
const URLS = Number(process.env.FOVEA_GATHER_URLS ?? 150);
/** Four seconds are long for a loopback server, and short for one that never answers. */
const LIMITS = [
  '--timeout',
  '6',
  '--stall-timeout',
  '4',
  '--max-wait',
  '5',
  '--retries',
  '1',
  '--retry-delay',
  '0.01',
];
const OPTIONS = [
  ...LIMITS,
  '--max-bytes',
  '2000000',
  '--per-host',
  '64',
  '--concurrency',
  '64',
  '--allow-address',
  '127.0.0.1',
  // Noise keeps less of its hash than photographs do.
  '--distance',
  '8',
];

let folder: string;
let server: HostileServer;
const at = (...names: string[]): string => path.join(folder, ...names);
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-gather-'));
  await buildCli();
  server = await startHostileServer(URLS);
});
afterAll(async () => {
  await server.close();
  await rm(folder, { recursive: true, force: true });
});

type Row = Record<string, string | number | null>;
const manifest = (out: string): Row[] =>
  readFileSync(path.join(out, 'manifest.jsonl'), 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Row);

/** Every file of a folder, with what it holds. */
const contents = (out: string): Map<string, string> =>
  new Map(
    readdirSync(out, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name))
      .sort()
      .map((file) => [
        path.relative(out, file),
        createHash('sha256').update(readFileSync(file)).digest('hex'),
      ]),
  );

describe('fovea gather', () => {
  const list = (): string => at('list.csv');
  const undisturbed = (): string => at('undisturbed');
  const run = (out: string, ...more: string[]) =>
    startFovea(['gather', list(), '--out', out, ...OPTIONS, ...more]);
  const sameAsUndisturbed = (out: string): void => {
    // The records say more than their sum does.
    expect(manifest(out)).toEqual(manifest(undisturbed()));
    expect(contents(out)).toEqual(contents(undisturbed()));
  };

  beforeAll(async () => {
    // One URL occurs three times, once with a fragment.
    const again = server.urls[3]!.url;
    const rows = [...server.urls.map(({ url }) => url), again, `${again}#part`];
    writeFileSync(
      list(),
      `url,caption,licence\n${rows.map((url, i) => `${url},"image ${i}, here",CC0\n`).join('')}`,
    );
    const { code, stderr } = await run(undisturbed()).ended;
    expect(code, stderr).toBe(0);
  });

  it('says of each URL of a hostile server what came of it', () => {
    const rows = manifest(undisturbed());
    expect(rows).toHaveLength(URLS + 2);
    server.urls.forEach(({ url, status, error }, i) => {
      const row = rows[i]!;
      expect(row, url).toMatchObject({
        key: String(i).padStart(9, '0'),
        url,
        status,
        caption: `image ${i}, here`,
        licence: 'CC0',
      });
      expect(row.error_message ?? '', url).toMatch(error ?? /^$/);
    });
    const [repeated, withFragment] = rows.slice(URLS);
    const first = rows[3]!;
    const { key: _, url, caption, repeats, duplicate_of, ...same } = first;
    expect(repeats).toBe(null);
    expect(repeated).toMatchObject({ ...same, url, repeats: '000000003', caption: `image ${URLS}, here` });
    expect(withFragment).toMatchObject({ ...same, url: `${url}#part`, repeats: '000000003' });
  });

  it('keeps images as they came, those of the same bytes once', async () => {
    const rows = manifest(undisturbed());
    const images = new Map<number, Row>();
    for (const [i, { image }] of server.urls.entries()) {
      if (image === undefined) continue;
      const row = rows[i]!;
      const first = images.get(image);
      if (!first) images.set(image, row);
      // The first row of the list, whichever came first.
      expect(row.duplicate_of).toBe(first?.key ?? null);
      expect(row.file).toMatch(new RegExp(`^00000/${first?.key ?? row.key}\\.(jpg|png|webp|gif|tif|avif)$`));
      expect(row.file).toBe((first ?? row).file);
    }
    for (const { file, sha256, bytes, width, height, original_width } of images.values()) {
      const stored = readFileSync(path.join(undisturbed(), String(file)));
      expect(createHash('sha256').update(stored).digest('hex')).toBe(sha256);
      expect(stored).toHaveLength(Number(bytes));
      const { width: w, height: h } = await sharp(stored).metadata();
      expect([width, height, original_width]).toEqual([w, h, w]);
    }
    expect(readdirSync(path.join(undisturbed(), '00000'))).toHaveLength(images.size);
    expect(readdirSync(undisturbed()).sort()).toEqual([
      '00000',
      'gather.json',
      'manifest.csv',
      'manifest.jsonl',
    ]);
  });

  it('knows images that were encoded again by their hash', async () => {
    const rows = manifest(undisturbed());
    const images = new Map<number, Row>();
    for (const [i, { image }] of server.urls.entries()) {
      if (image !== undefined && rows[i]!.duplicate_of === null && rows[i]!.repeats === null)
        images.set(image, rows[i]!);
    }
    const pairs = server.urls.flatMap(({ image, again }) =>
      again === undefined ? [] : [[images.get(image!)!, images.get(again)!]],
    );
    expect(pairs.length).toBeGreaterThanOrEqual(URLS / 10);
    for (const [one, other] of pairs) {
      const [first, second] = [one!, other!].sort((a, b) => (a.key! < b.key! ? -1 : 1));
      expect(second!.near_duplicate_of, String(second!.url)).toBe(first!.key);
    }
    const near = rows.filter(
      ({ near_duplicate_of, duplicate_of, repeats }) =>
        near_duplicate_of !== null && duplicate_of === null && repeats === null,
    );
    expect(near).toHaveLength(pairs.length);
    for (const { phash, file } of images.values()) {
      const { data, info } = await sharp(path.join(undisturbed(), String(file)))
        .raw()
        .toBuffer({ resolveWithObject: true });
      expect(phash).toBe(perceptualHash({ width: info.width, height: info.height, data }).toString());
    }
  });

  it('writes the same records as a table', () => {
    const [header, ...lines] = parseCsv(
      readFileSync(path.join(undisturbed(), 'manifest.csv'), 'utf8'),
      'manifest.csv',
    );
    const rows = manifest(undisturbed());
    expect(header!.fields).toEqual(Object.keys(rows[0]!));
    expect(header!.fields).toEqual(
      expect.arrayContaining(['url', 'caption', 'key', 'status', 'error_message', 'sha256']),
    );
    expect(lines.map(({ fields }) => fields)).toEqual(
      rows.map((row) => Object.values(row).map((value) => String(value ?? ''))),
    );
  });

  it('makes the same of it when it is killed five times', async () => {
    const out = at('killed');
    server.reset();
    for (const requests of [1, 20, 40, 20, 30].map((n) => Math.ceil((n * URLS) / 150))) {
      // With few requests at a time few are lost. That makes no difference either.
      const { child, ended } = run(out, '--concurrency', '8');
      const before = server.requests();
      server.onRequest = (count) => {
        if (count - before === requests) child.kill('SIGKILL');
      };
      expect((await ended).signal).toBe('SIGKILL');
    }
    server.onRequest = () => undefined;
    // As a process that is killed in a write leaves it.
    writeFileSync(path.join(out, 'manifest.jsonl'), '{"key":"0000', { flag: 'a' });
    const done = new Set(
      readFileSync(path.join(out, 'manifest.jsonl'), 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line) as Row)
        .filter(({ status }) => status === 'success')
        .map(({ url }) => new URL(String(url)).pathname),
    );
    expect(done.size).toBeGreaterThan(URLS / 10);
    const hits = new Map([...done].map((url) => [url, server.hits(url)]));
    const { code, stderr, stdout } = await run(out).ended;
    expect(code, stderr).toBe(0);
    sameAsUndisturbed(out);
    // What was there was not asked for again.
    for (const [url, before] of hits) expect(server.hits(url), url).toBe(before);
    expect(stdout).toMatch(new RegExp(`^${URLS + 2} URLs, \\d+ images\\n2 repeat an earlier URL, `));
  });

  it('asks for failures alone when it is run again, and with --skip-failed for nothing', async () => {
    const before = server.requests();
    expect((await fovea('gather', list(), '--out', undisturbed(), ...OPTIONS, '--skip-failed')).code).toBe(0);
    expect(server.requests()).toBe(before);
    const rows = manifest(undisturbed());
    const all = contents(undisturbed());
    const missing = rows.find(({ error_message: error }) => String(error).startsWith('HTTP Error 404'))!;
    const { pathname } = new URL(String(missing.url));
    const hits = server.hits(pathname);
    expect((await fovea('gather', list(), '--out', undisturbed(), ...OPTIONS)).code).toBe(0);
    expect(server.hits(pathname)).toBe(hits + 1);
    expect(contents(undisturbed())).toEqual(all);
  });

  it.skipIf(process.platform === 'win32')('stops at Ctrl-C, and goes on from there', async () => {
    const out = at('interrupted');
    const { child, ended } = run(out);
    const before = server.requests();
    server.onRequest = (count) => {
      if (count - before === 50) child.kill('SIGINT');
    };
    const { code, signal, stderr } = await ended;
    server.onRequest = () => undefined;
    expect(signal ?? code, stderr).toBe('SIGINT');
    expect(stderr).toMatch(/^stopped: \d+ of \d+ URLs are done; the same command goes on from there/m);
    expect(existsSync(path.join(out, 'gather.lock'))).toBe(false);
    expect(existsSync(path.join(out, 'manifest.csv'))).toBe(false);
    server.reset();
    expect((await run(out).ended).code).toBe(0);
    sameAsUndisturbed(out);
  });

  it('shrinks and encodes where that is wanted, and asks for private addresses where it is told to', async () => {
    const some = server.urls.filter(({ image }) => image !== undefined).slice(0, 12);
    writeFileSync(at('some.txt'), some.map(({ url }) => `${url}\n`).join(''));
    const out = at('small');
    const args = ['gather', at('some.txt'), '--out', out, '--allow-private', '--per-host', '8'];
    const { code, stderr } = await fovea(...args, '--size', '48', '--format', 'jpg', '--dedupe', 'none');
    expect(code, stderr).toBe(0);
    const rows = manifest(out);
    expect(readdirSync(path.join(out, '00000'))).toEqual(rows.map(({ key }) => `${key}.jpg`));
    for (const { file, width, height, original_width } of rows) {
      const { width: w, height: h, format } = await sharp(path.join(out, String(file))).metadata();
      expect([format, width, height]).toEqual(['jpeg', w, h]);
      expect(Math.max(w, h)).toBeLessThanOrEqual(48);
      expect(Number(original_width)).toBeGreaterThanOrEqual(w);
    }
    const again = await fovea('gather', path.join(out, 'manifest.csv'), '--out', out, '--allow-private');
    expect([again.code, again.stderr]).toEqual([
      2,
      `fovea: ${path.join(out, 'manifest.csv')}: is an input, and would be replaced; choose another output path\n`,
    ]);
    const other = await fovea(...args, '--size', '64', '--format', 'jpg');
    expect([other.code, other.stderr]).toEqual([
      2,
      expect.stringMatching(
        /^fovea: .*gathered with --size 48 --format jpg --quality 95, not --size 64 --format jpg --quality 95; give the same, .*\n$/,
      ),
    ]);
  });

  it('refuses loopback addresses by itself, and ends with 2 where no URL gave an image', async () => {
    writeFileSync(at('one.txt'), `${server.urls[0]!.url}\nfile:///etc/passwd\n`);
    const { code, stderr } = await fovea('gather', at('one.txt'), '--out', at('none'));
    expect(code).toBe(2);
    expect(stderr).toMatch(/\nfovea: .*one\.txt: no URL gave an image; see the errors in .*manifest\.csv\n$/);
    expect(manifest(at('none')).map(({ error_message: error }) => error)).toEqual([
      'refused: 127.0.0.1 is a loopback address (--allow-private)',
      'refused: only http and https, not file',
    ]);
    writeFileSync(at('one.txt'), `http://other.example/\n${server.urls[0]!.url}\n`);
    const changed = await fovea('gather', at('one.txt'), '--out', at('none'));
    expect([changed.code, changed.stderr]).toEqual([
      2,
      expect.stringMatching(
        /^fovea: \S*one\.txt: URL 1 is "http:\/\/other.example\/", and was ".*" when .* was begun; only add/,
      ),
    ]);
  });

  it.each([
    ['--timeout', '1e9', /give at most 86400 seconds/],
    ['--retry-delay', '0', /give a positive number/],
    ['--user-agent', 'a\nb: c', /give a name of ASCII/],
    ['--allow-address', 'localhost', /"localhost" is no address or network/],
    ['--distance', '64', /from 0 to 63/],
  ])('refuses %s %j', async (option, value, message) => {
    const { code, stderr } = await fovea('gather', at('one.txt'), '--out', at('never'), option, value);
    expect([code, stderr]).toEqual([2, expect.stringMatching(message)]);
    expect(existsSync(at('never'))).toBe(false);
  });
});
