import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { encodeNpy } from '../../src/io/npy.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { foveaHere } from './here.ts';
import { messages } from './run.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
const darknet = (name: string) => path.join(import.meta.dirname, '../fixtures/darknet', name);
const MODEL = ['--model', darknet('small.cfg'), '--weights', darknet('small.weights')];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-index-'));
  for (const [name, r, g] of [
    ['a.png', 200, 20],
    ['b.png', 20, 200],
    ['c.png', 190, 30],
  ] as const) {
    await sharp({ create: { width: 40, height: 36, channels: 3, background: { r, g, b: 60 } } })
      .png()
      .toFile(at(name));
  }
  writeFileSync(at('bad.png'), 'no image');
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const last = (text: string): string => messages(text).at(-1) ?? '';

it("takes Darknet's networks, and opens them again to search", async () => {
  const index = at('d.index');
  const made = await foveaHere('index', index, at('a.png'), at('b.png'), ...MODEL);
  expect(made.stdout, made.stderr).toBe(`2 images added; ${index} has 2\n`);
  const found = await foveaHere('search', index, at('c.png'), '-k', '2');
  expect(found.stdout.split('\n').map((line) => path.basename(line.split(' ')[0]!))).toEqual([
    'c.png',
    'a.png',
    'b.png',
    '',
  ]);
  // Where the weights are gone, they are named again.
  copyFileSync(darknet('small.weights'), at('w.weights'));
  const moved = at('moved.index');
  await foveaHere('index', moved, at('a.png'), '--model', darknet('small.cfg'), '--weights', at('w.weights'));
  rmSync(at('w.weights'));
  expect((await foveaHere('search', moved, at('c.png'))).code).toBe(2);
  const named = await foveaHere('search', moved, at('c.png'), '--weights', darknet('small.weights'));
  expect(named.stdout, named.stderr).toContain('a.png');
  const clusters = await foveaHere('cluster', folder, ...MODEL, '--k', '2');
  expect(clusters.stdout, clusters.stderr).toContain('3 items in 2 clusters');
  // Another model is refused; a copy of the same is not.
  copyFileSync(darknet('small.cfg'), at('copy.cfg'));
  writeFileSync(at('other.cfg'), `${readFileSync(darknet('small.cfg'), 'utf8')}\n# other\n`);
  for (const command of ['search', 'index']) {
    const run = (model: string) => foveaHere(command, index, at('c.png'), '--model', model);
    const refused = await run(at('other.cfg'));
    expect([refused.code, last(refused.stderr)]).toEqual([
      2,
      `fovea: ${index}: has vectors of ${darknet('small.cfg')}, and ${at('other.cfg')} is another model, whose vectors cannot be compared with them; leave it out, or begin another index`,
    ]);
    const copied = await run(at('copy.cfg'));
    expect(copied.code, copied.stderr).toBe(0);
  }
  const other = await foveaHere('index', index, at('c.png'), '--layer', 'layers.0');
  expect([other.code, last(other.stderr)]).toEqual([
    2,
    `fovea: ${index}: was begun without --layer, not with --layer layers.0; leave the option out, or begin another index`,
  ]);
});

it('ends with 2 where an image cannot be used, and does the others', async () => {
  const index = at('bad.index');
  const runs = [
    await foveaHere('index', index, at('a.png'), at('bad.png'), ...MODEL),
    await foveaHere('search', index, at('c.png'), at('bad.png')),
    await foveaHere('cluster', folder, ...MODEL, '--k', '2'),
  ];
  const images = [2, 2, 4];
  runs.forEach(({ code, stdout, stderr }, i) => {
    expect(code).toBe(2);
    expect(stdout).toMatch(/1 image added|a\.png|3 items in 2 clusters/);
    expect(messages(stderr).filter((line) => line.startsWith('failed: '))).toEqual([
      expect.stringMatching(/^failed: \S*bad\.png: not an image/),
    ]);
    expect(last(stderr)).toMatch(
      new RegExp(`^fovea: 1 of ${images[i]} images failed; the first: \\S*bad\\.png: `),
    );
  });
});

it('takes the names of vectors from their file, and leaves out what is there already', async () => {
  const data = Float32Array.of(1, 0, 0, 1, 1, 1);
  const shape = [3, 2];
  const names = ['east', 'north', 'north-east'];
  writeFileSync(at('v.npy'), encodeNpy({ data, shape }));
  writeFileSync(at('v.files.json'), JSON.stringify(names));
  const embeddings = { dtype: 'f32', shape, data } as const;
  writeFileSync(at('v.safetensors'), encodeSafetensors({ embeddings }, { files: JSON.stringify(names) }));
  writeFileSync(at('v.csv'), 'file,e0,e1\neast,1,0\nnorth,0,1\nnorth-east,1,1\n');
  for (const name of ['v.npy', 'v.safetensors', 'v.csv']) {
    const index = at(`${name}.index`);
    const made = await foveaHere('index', index, at(name));
    expect(made.stdout, made.stderr).toBe(`${at(name)}: 3 vectors added; ${index} has 3\n`);
    const again = await foveaHere('index', index, at(name));
    expect(again.stdout).toBe(`${at(name)}: 0 vectors added, 3 there already; ${index} has 3\n`);
    const json = at('found.json');
    const search = await foveaHere('search', index, at(name), 'north', '-k', '1', '--json', json);
    expect(search.code, search.stderr).toBe(0);
    const { queries } = JSON.parse(readFileSync(json, 'utf8')) as {
      queries: { query: string; found: { id: string }[] }[];
    };
    expect(queries.map(({ query, found }) => [query, found[0]!.id])).toEqual([
      ...names.map((one) => [one, one]),
      ['north', 'north-east'],
    ]);
  }
  // An index of vectors of a file does not know the model; whoever does can name it.
  await foveaHere('embed', at('a.png'), at('b.png'), ...MODEL, '--out', at('w.npy'));
  for (const metric of ['cosine', 'euclidean']) {
    const index = at(`${metric}.index`);
    await foveaHere('index', index, at('w.npy'), '--metric', metric);
    const unnamed = await foveaHere('search', index, at('c.png'));
    expect(last(unnamed.stderr)).toContain('name the model that made them (--model), or give items');
    copyFileSync(at('a.png'), at('again.png'));
    const named = await foveaHere('search', index, at('again.png'), '-k', '1', ...MODEL);
    rmSync(at('again.png'));
    expect(named.stdout, named.stderr).toMatch(/a\.png +0(\.0+)?\n$/);
    const wrong = await foveaHere('search', at('v.npy.index'), at('c.png'), ...MODEL);
    expect(last(wrong.stderr)).toMatch(
      /has vectors of 2 values, and \S*small\.cfg makes vectors of \d+; name the model/,
    );
  }
  const gone = await foveaHere('index', at('v.npy.index'), 'north', 'nowhere', 'no', '--remove');
  expect([gone.code, gone.stdout, last(gone.stderr)]).toEqual([
    2,
    `1 vector removed; ${at('v.npy.index')} has 2\n`,
    `fovea: ${at('v.npy.index')}: has no item nowhere, nor 1 more of them; give ids as fovea search prints them`,
  ]);
  const mixed = await foveaHere('index', at('v.npy.index'), at('v.csv'), at('a.png'));
  expect(mixed.stderr).toContain('give either images or files of vectors, in two commands');
});
