import {
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodePng } from '../../cli/src/images.ts';
import { writeSheet } from '../../cli/src/searchSheet.ts';
import { encodeNpy } from '../../src/io/npy.ts';
import { foveaHere } from './here.ts';
import { buildCli, messages, startFovea } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  await buildCli();
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-search-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const array = (name: string, rows: readonly (readonly number[])[]): string => {
  const data = Float32Array.from(rows.flat());
  writeFileSync(at(name), encodeNpy({ data, shape: [rows.length, rows[0]!.length] }));
  return at(name);
};

it('puts arrays into an index, takes items out, and finds what is nearest', async () => {
  const index = at('a.index');
  writeFileSync(at('ids.txt'), 'east\nnorth\nnorth-east\n');
  const vectors = array('v.npy', [
    [1, 0],
    [0, 1],
    [1, 1],
  ]);
  const made = await foveaHere('index', index, vectors, '--ids', at('ids.txt'));
  expect([made.code, made.stdout]).toEqual([0, `${vectors}: 3 vectors added; ${index} has 3\n`]);
  const more = array('w.npy', [[-1, 0]]);
  expect((await foveaHere('index', index, more)).stdout).toContain('has 4');
  const gone = await foveaHere('index', index, 'north', '--remove');
  expect(gone.stdout).toBe(`1 vector removed; ${index} has 3\n`);
  const before = statSync(index).size;
  const compact = await foveaHere('index', index, '--compact');
  const bytes = statSync(index).size;
  expect(compact.stdout).toBe(`${index}: 3 vectors in ${bytes} bytes, ${before} before\n`);
  expect(bytes).toBeLessThan(before);
  expect(readdirSync(folder).filter((name) => /tmp|lock/.test(name))).toEqual([]);

  const queries = array('q.npy', [
    [2, 0.5],
    [-3, 0],
  ]);
  const json = at('out/found.json');
  const { code, stdout, stderr } = await foveaHere(
    'search',
    index,
    queries,
    'east',
    '-k',
    '2',
    '--json',
    json,
  );
  expect([code, messages(stderr)]).toEqual([0, []]);
  const found = JSON.parse(readFileSync(json, 'utf8')) as {
    metric: string;
    queries: { query: string; found: { id: string | number; distance: number }[] }[];
  };
  expect(found.metric).toBe('cosine');
  expect(found.queries.map(({ query, found: best }) => [query, ...best.map(({ id }) => id)])).toEqual([
    [`${queries} 0`, 'east', 'north-east'],
    [`${queries} 1`, 0, 'north-east'],
    ['east', 'north-east', 0],
  ]);
  expect(found.queries[1]!.found[0]!.distance).toBe(0);
  expect(stdout).toContain('north-east');
});

it('shows what was found for each query, and counts images that are gone', async () => {
  const images = ['a.png', '<b>\u202e.png'].map((name) => at(name));
  for (const name of images) {
    writeFileSync(name, await encodePng({ width: 2, height: 2, data: new Uint8Array(4) }));
  }
  const found = [...images, at('gone.png')].map((id, i) => ({ id, distance: i / 3 }));
  await writeSheet(at('sheet.html'), 'a.index', 'euclidean', [{ query: images[0]!, found }]);
  const { document } = parseHTML(readFileSync(at('sheet.html'), 'utf8'));
  const captions = [...document.querySelectorAll('figcaption')].map(({ textContent }) => textContent);
  expect(captions.slice(0, 2)).toEqual(['query', 'a.png, 0']);
  expect(captions[2]).toMatch(/^<b>[^\u202e]*\.png, 0\.3333$/);
  expect(document.body.textContent).toContain('1 of the items that were found is no image that can be read');
  expect(document.body.textContent).toContain(`${at('gone.png')} (0.6667)`);
  // What the page counts, by its script.
  expect(document.querySelector('.gallery')!.getAttribute('data-noun')).toBe('query queries');
}, 30_000);

it('says what does not fit', async () => {
  const index = at('b.index');
  await foveaHere('index', index, array('v2.npy', [[1, 2]]), '--metric', 'euclidean');
  const other = await foveaHere('index', index, array('v3.npy', [[1, 2, 3]]));
  expect([other.code, other.stderr]).toEqual([
    2,
    expect.stringContaining('has vectors of 2 values, these have 3'),
  ]);
  const metric = await foveaHere('index', index, at('v2.npy'), '--metric', 'dot');
  expect(metric.stderr).toContain('is searched by euclidean, not dot');
  const image = await foveaHere('search', index, at('no.jpg'));
  expect([image.code, messages(image.stderr)[0]]).toEqual([
    2,
    expect.stringContaining('no.jpg is no item of'),
  ]);
  const text = await foveaHere('search', at('ids.txt'), '0');
  expect(text.stderr).toContain('is no index file');
  expect((await foveaHere('search', index, '0', '--sheet', at('x.txt'))).stderr).toContain('call it .html');
  expect((await foveaHere('index', index)).stderr).toContain(
    'give images, folders of images or files of vectors',
  );
});

it('leaves nothing behind where vectors cannot be put into a new index', async () => {
  const index = at('new.index');
  const bad = array('nan.npy', [
    [1, 2],
    [3, Number.NaN],
  ]);
  const refused = await foveaHere('index', index, bad);
  expect([refused.code, messages(refused.stderr)[0]]).toEqual([
    2,
    `fovea: ${bad}: is NaN at row 1, column 1; leave such rows out`,
  ]);
  writeFileSync(at('empty.txt'), '\n');
  const unnamed = await foveaHere('index', index, array('ok.npy', [[1, 2]]), '--ids', at('empty.txt'));
  expect(messages(unnamed.stderr)[0]).toContain('0 ids for 1 vectors');
  expect(readdirSync(folder).filter((name) => name.includes('new.'))).toEqual([]);
  expect((await foveaHere('index', index, array('wide.npy', [[1, 2, 3]]))).stdout).toContain('has 1');
  expect((await foveaHere('search', index, bad)).stderr).toContain('is NaN at row 1');
});

it('makes an index of a name as long as names can be', async () => {
  const index = at(`${'i'.repeat(249)}.index`);
  expect((await foveaHere('index', index, array('one.npy', [[1, 0]]))).stdout).toContain('has 1');
  expect((await foveaHere('index', index, '--compact')).stdout).toContain('1 vector in');
  expect(readdirSync(folder).filter((name) => /tmp|lock/.test(name))).toEqual([]);
  rmSync(index);
});

it('takes a text for a number only where it is how the number is written, and any k', async () => {
  const index = at('numbers.index');
  await foveaHere('index', index, array('three.npy', [[1], [2], [3]]), '--metric', 'euclidean');
  const other = await foveaHere('index', index, '01', '1e0', '--remove');
  expect(other.stdout).toContain('0 vectors removed');
  expect((await foveaHere('search', index, '01')).code).toBe(2);
  const all = await foveaHere('search', index, '1', '-k', `${2 ** 31 - 1}`);
  expect([all.code, all.stdout.split('\n').slice(1, 3)]).toEqual([
    0,
    [expect.stringMatching(/^0 +1\.0000$/), expect.stringMatching(/^2 +1\.0000$/)],
  ]);
});

it('says what is left out of a damaged index, and is one index by all its names', async () => {
  const index = at('damaged.index');
  symlinkSync(index, at('link.index'));
  await foveaHere('index', at('link.index'), array('one.npy', [[1, 0]]));
  await foveaHere('index', at('link.index'), array('two.npy', [[0, 1]]));
  const bytes = readFileSync(index);
  writeFileSync(index, bytes.subarray(0, -3));
  const cut = await foveaHere('search', index, '0');
  expect([cut.code, messages(cut.stderr)[0]]).toEqual([
    0,
    expect.stringContaining('its last 33 bytes are left out'),
  ]);
  bytes[68]! ^= 1;
  writeFileSync(index, bytes);
  const damaged = await foveaHere('search', index, '0');
  expect([damaged.code, messages(damaged.stderr)[0]]).toEqual([
    2,
    expect.stringContaining('is damaged at byte'),
  ]);
  expect((await foveaHere('search', folder, '0')).stderr).toContain('it is a folder');
  // The lock is beside the file, not beside a link to it.
  const holder = { pid: process.pid, start: '', host: hostname() };
  writeFileSync(at('damaged.lock'), JSON.stringify(holder));
  expect((await foveaHere('index', at('link.index'), at('one.npy'))).stderr).toContain('another command');
  rmSync(at('damaged.lock'));
});

it('keeps a whole index where a process is killed while it appends', async () => {
  const index = at('killed.index');
  const rows = 30_000;
  const width = 512;
  const big = Float32Array.from({ length: rows * width }, (_, i) => Math.sin(i));
  writeFileSync(at('big.npy'), encodeNpy({ data: big, shape: [rows, width] }));
  let before = 0;
  for (const share of [0.2, 0.6]) {
    const { child, ended } = startFovea(['index', index, at('big.npy')]);
    const goal = before + share * 4 * big.length;
    const size = () => statSync(index, { throwIfNoEntry: false })?.size ?? 0;
    while (size() < goal && child.exitCode === null) await setTimeout(2);
    child.kill('SIGKILL');
    expect((await ended).signal).toBe('SIGKILL');
    const one = array('one.npy', [Array.from({ length: width }, () => 1)]);
    const { code, stdout } = await foveaHere('index', index, one);
    expect(code).toBe(0);
    const count = Number(/has (\d+)\n/.exec(stdout)![1]);
    expect(count).toBeGreaterThan(0);
    const json = at('killed.json');
    const found = await foveaHere('search', index, one, '-k', '1', '--json', json);
    expect(found.code).toBe(0);
    expect(JSON.parse(readFileSync(json, 'utf8')).queries[0].found[0].distance).toBeLessThan(1e-6);
    before = size();
  }
  // Killed while it is written again, it stays as it is; what was begun is removed by the next command.
  const begun = () => readdirSync(folder).filter((name) => name.startsWith('.fovea-index-'));
  const { child, ended } = startFovea(['index', index, '--compact']);
  while (begun().length === 0 && child.exitCode === null) await setTimeout(1);
  child.kill('SIGKILL');
  expect((await ended).signal).toBe('SIGKILL');
  expect([statSync(index).size, begun()]).toEqual([before, [expect.any(String)]]);
  expect((await foveaHere('index', index, '0', '--remove')).stdout).toContain('1 vector removed');
  expect(begun()).toEqual([]);
}, 120_000);
