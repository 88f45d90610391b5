import { existsSync, lstatSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseHTML } from 'linkedom';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type ClusterCommandOptions, clusterCommand } from '../../cli/src/commands/cluster.ts';
import { encodePng } from '../../cli/src/images.ts';
import { readVectors } from '../../cli/src/vectorFile.ts';
import { fileStorage } from '../../src/io/fileStorage.ts';
import { encodeNpy } from '../../src/io/npy.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { createIndex } from '../../src/similarity/index.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
const EVIL = '<b>\u202e.png';

/** Three kinds of four vectors; those of the second are the most, and alone at 50. */
const CENTERS = [0, 50, 100, 0, 50, 100, 0, 50, 100, 50, 50];
const rows = CENTERS.map((center, i) => [center + i / 10, center / 2]);
const data = Float32Array.from(rows.flat());
const shape = [rows.length, 2];
let names: string[];

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-cluster-'));
  await mkdir(at('images/more'), { recursive: true });
  names = rows.map((_, i) => at('images', i === 0 ? EVIL : i === 1 ? 'more/1.png' : `${i}.png`));
  for (const name of names) {
    await writeFile(name, await encodePng({ width: 2, height: 2, data: new Uint8Array(4) }));
  }
  await writeFile(at('v.npy'), encodeNpy({ data, shape }));
  await writeFile(at('v.files.json'), JSON.stringify(names));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function cluster(input: string, options: ClusterCommandOptions = {}): Promise<string> {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  const parts: string[] = [];
  const stdout = { isTTY: false, write: (part: string) => parts.push(part) > 0 };
  await clusterCommand(input, options, stdout);
  return parts.join('');
}

describe('fovea cluster', () => {
  it('tells the header of a table from a vector', async () => {
    const read = async (text: string) => {
      await writeFile(at('t.csv'), text);
      const { vectors, names } = await readVectors(at('t.csv'));
      return [[...vectors.data], names];
    };
    // As pandas writes it, with its index and without.
    expect(await read(',0,1\n0,5,6\n1,7,8\n')).toEqual([
      [5, 6, 7, 8],
      ['0', '1'],
    ]);
    expect(await read('0,1,2\n5,6,7\n')).toEqual([[5, 6, 7], ['0']]);
    expect(await read('id,0,1\na,5,6\n')).toEqual([[5, 6], ['a']]);
    expect(await read('a,1,2\nb,3,4\n')).toEqual([
      [1, 2, 3, 4],
      ['a', 'b'],
    ]);
    expect(await read('0,1\n2,3\n')).toEqual([
      [0, 1, 2, 3],
      ['0', '1'],
    ]);
    for (const wrong of ['nan', '-Inf', '1e999']) {
      await expect(read(`a,1,${wrong}\nb,3,4\n`)).rejects.toThrow(`:1: field 3 is "${wrong}"; give a number`);
    }
    await expect(read('file,time,e0\na.mp4,late,1\n')).rejects.toThrow(
      ':2: its time is "late"; give seconds',
    );
  });

  it('has each vector of zeros in a cluster of its own by the cosine, at its center', async () => {
    const zeros = { data: Float32Array.of(1, 2, 0, 0, 2, 1, 0, 0, -1, 1), shape: [5, 2] };
    await writeFile(at('zeros.npy'), encodeNpy(zeros));
    const text = await cluster(at('zeros.npy'), { k: 5, metric: 'cosine', json: at('zeros.json') });
    expect(text).toContain('5 items in 5 clusters');
    const { items, inertia } = JSON.parse(readFileSync(at('zeros.json'), 'utf8'));
    expect(items.map(({ distance }: { distance: number }) => distance)).toEqual([0, 0, 0, 0, 0]);
    expect(inertia).toBe(0);
  });

  it('chooses how many clusters, and writes what it found', async () => {
    const [report, json, csv] = [at('out/r.html'), at('out/r.json'), at('out/r.csv')];
    const text = await cluster(at('v.npy'), { report, json, csv, out: at('links') });
    expect(text).toContain('11 items in 3 clusters');
    expect(text).toMatch(/^3 \* /m);
    expect(text).not.toContain('\u202e');
    const found = JSON.parse(readFileSync(json, 'utf8'));
    expect(found.clusters.map(({ size }: { size: number }) => size)).toEqual([5, 3, 3]);
    expect(found.tried.map(({ k }: { k: number }) => k)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    const kinds = [1, 0, 2, 1, 0, 2, 1, 0, 2, 0, 0];
    expect(found.items.map((item: { cluster: number }) => item.cluster)).toEqual(kinds);
    expect(found.items.map((item: { file: string }) => item.file)).toEqual(names);
    expect(found.clusters[1].center).toBe(names[3]);
    expect(found.silhouette).toBeGreaterThan(0.9);
    const lines = readFileSync(csv, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe('file,cluster,distance,silhouette');
    expect(lines.slice(1).map((line) => Number(line.split(',')[1]))).toEqual(kinds);

    const html = readFileSync(report, 'utf8');
    const { document } = parseHTML(html);
    const cards = [...document.querySelectorAll('.cards > li')];
    expect(cards.map((card) => card.querySelector('h4')!.textContent)).toEqual([
      'Cluster 0',
      'Cluster 1',
      'Cluster 2',
    ]);
    expect(cards.map((card) => card.querySelectorAll('img').length)).toEqual([5, 3, 3]);
    expect(cards[1]!.querySelector('figcaption')!.textContent).toBe('3.png (center)');
    const plots = [...document.querySelectorAll('.plot svg')].map((plot) => plot.textContent!);
    for (const title of [
      'Map of the items',
      'Silhouettes (mean',
      'Mean silhouette by',
      'Inertia by',
      'Items of each',
    ]) {
      expect(plots.filter((plot) => plot.includes(title))).toHaveLength(1);
    }
    expect(html).not.toMatch(/NaN|undefined|<b>|\u202e/);

    expect(readdirSync(at('links'))).toEqual(['cluster-0', 'cluster-1', 'cluster-2']);
    expect(lstatSync(at('links/cluster-0/more/1.png')).isSymbolicLink()).toBe(true);
    expect(readFileSync(at('links/cluster-1', EVIL))).toEqual(readFileSync(names[0]!));
    await expect(cluster(at('v.npy'), { out: at('links') })).rejects.toThrow(/has clusters already/);
    // It is told before images are looked at, however many clusters there were.
    await mkdir(at('many', 'cluster-000'), { recursive: true });
    const model = at('no.pth');
    await expect(cluster(at('images'), { model, out: at('many') })).rejects.toThrow(/has clusters already/);
    await expect(cluster(at('images'), { model, out: at('v.npy') })).rejects.toThrow(
      /it is a file, not a folder/,
    );
  });

  it('says where the gap statistic chose no number, but ran out of them', async () => {
    const data = Float32Array.from({ length: 60 }, (_, i) => [0, 10, 90][i % 3]! + Math.sin(i));
    await writeFile(at('three.npy'), encodeNpy({ data, shape: [60, 1] }));
    const note = /No number of clusters below (\d+) meets the condition of the gap statistic/;
    const few = await cluster(at('three.npy'), { by: 'gap', kRange: [2, 3] });
    expect(note.exec(few)?.[1]).toBe('3');
    const enough = await cluster(at('three.npy'), { by: 'gap' });
    expect(enough).toMatch(/^1 {2}/m);
    expect(enough).toContain('60 items in 3 clusters');
    expect(enough).not.toMatch(note);
  });

  it('finds as many as it is told to, by any metric, the same by the same seed', async () => {
    const run = async (json: string, options: ClusterCommandOptions) => {
      const report = at('same.html');
      await cluster(at('v.npy'), { json: at(json), report, ...options });
      return readFileSync(report, 'utf8').replace(/<time.*?<\/time>/, '') + readFileSync(at(json), 'utf8');
    };
    const options = { k: 3, metric: 'manhattan', seed: 4 } as const;
    expect(await run('a.json', options)).toBe(await run('b.json', options));
    const found = JSON.parse(readFileSync(at('a.json'), 'utf8'));
    expect([found.method, found.metric, found.clusters.length]).toEqual(['kmedoids', 'manhattan', 3]);
    for (const by of ['elbow', 'gap'] as const) {
      await cluster(at('v.npy'), { by, kRange: [1, 5], json: at('by.json') });
      const { tried, clusters } = JSON.parse(readFileSync(at('by.json'), 'utf8'));
      expect(tried).toHaveLength(5);
      // So few items that the gap statistic says nothing of them.
      if (by === 'elbow') expect(clusters).toHaveLength(3);
      expect('gap' in tried[0]).toBe(by === 'gap');
    }
  });

  it('names items of which there is no image, except by their numbers', async () => {
    await writeFile(at('movie.csv'), 'file,time,e0\na.mp4,0.5,1\na.mp4,1,2\nb.mp4,0,20\nb.mp4,1,21\n');
    const report = at('movie.html');
    await cluster(at('movie.csv'), { k: 2, report });
    const { document } = parseHTML(readFileSync(report, 'utf8'));
    const texts = [...document.querySelectorAll('.cards > li')].map(({ textContent }) => textContent!);
    expect(texts).toHaveLength(2);
    expect(texts[0]).toMatch(/2 items.*a\.mp4#t=0\.5.*a\.mp4#t=1/s);
    expect(document.body.textContent).toContain('4 items are no image that can be read here');
    await writeFile(at('numbers.csv'), '1,1\n2,2\n20,20\n21,21\n');
    await cluster(at('numbers.csv'), { k: 2, report });
    expect(parseHTML(readFileSync(report, 'utf8')).document.querySelector('.cards')).toBeNull();
  });

  it('does not replace its vectors, also by a link to them', async () => {
    const before = readFileSync(at('v.npy'));
    symlinkSync(at('v.npy'), at('link.json'));
    for (const to of [{ csv: at('v.npy') }, { json: at('link.json') }]) {
      await expect(cluster(at('v.npy'), { k: 2, ...to })).rejects.toThrow(
        /: is an input, and would be replaced; choose another output path$/,
      );
    }
    expect(readFileSync(at('v.npy'))).toEqual(before);
  });

  it('copies files, and takes vectors that have no names', async () => {
    expect(await cluster(at('v.npy'), { k: 2, out: at('copies'), copy: true })).toContain(
      '11 items in 2 clusters',
    );
    expect(lstatSync(at('copies/cluster-0/more/1.png')).isFile()).toBe(true);
    await writeFile(at('bare.npy'), encodeNpy({ data, shape }));
    const report = at('bare.html');
    await cluster(at('bare.npy'), { k: 1, report, csv: at('bare.csv') });
    expect(parseHTML(readFileSync(report, 'utf8')).document.querySelectorAll('img')).toHaveLength(0);
    expect(readFileSync(at('bare.csv'), 'utf8')).toMatch(/^file,cluster,distance\n0,0,/);
    await expect(cluster(at('bare.npy'), { k: 2, out: at('none') })).rejects.toThrow(/0: is not there/);
    expect(existsSync(at('none'))).toBe(false);
  });

  it('says where vectors are equal', async () => {
    await writeFile(at('equal.npy'), encodeNpy({ data: Float32Array.of(1, 1, 1, 1, 2, 2), shape: [6, 1] }));
    const text = await cluster(at('equal.npy'), { k: 4, report: at('equal.html') });
    expect(text).toContain('There are 2 clusters instead of 4: no more of the vectors are different.');
    expect(readFileSync(at('equal.html'), 'utf8')).not.toMatch(/NaN|undefined/);
  });

  it('refuses vectors of which no clusters can be found, and names the item', async () => {
    const refused = async (data: Float32Array | Float64Array, shape: number[]): Promise<unknown> => {
      await writeFile(at('bad.npy'), encodeNpy({ data, shape }));
      return cluster(at('bad.npy')).catch((error) => error.message);
    };
    expect(await refused(Float32Array.of(1, 2, 3, Number.NaN), [2, 2])).toMatch(
      /bad\.npy: the vector of 1 \(row 1\) has NaN at column 1; leave it out/,
    );
    expect(await refused(Float64Array.of(1, 1e200), [2, 1])).toMatch(/has 1e\+200 at column 0/);
    expect(await refused(new Float32Array(0), [0, 3])).toMatch(/has 0 vectors of 3 values/);
    expect(await refused(new Float32Array(3), [1, 3])).toMatch(/has a single item.*give --k 1/);
    expect(await refused(new Float32Array(6), [3, 2])).toContain(
      'There is 1 cluster: all vectors are the same.',
    );
  });

  it('refuses what does not fit, before anything is computed', async () => {
    const v = at('v.npy');
    await expect(cluster(v, { k: 2, kRange: [2, 3] })).rejects.toThrow(/give one/);
    await expect(cluster(v, { k: 2, by: 'gap' })).rejects.toThrow(/give one/);
    await expect(cluster(v, { copy: true })).rejects.toThrow(/--copy is for the files in --out/);
    await expect(cluster(v, { report: 'page.pdf' })).rejects.toThrow(/call it \.html/);
    await expect(cluster(v, { method: 'kmeans', metric: 'cosine' })).rejects.toThrow(
      /for cosine leave out --method/,
    );
    await expect(cluster(v, { k: 12 })).rejects.toThrow(/--k asks for 12 clusters, and .* has 11 items/);
    await expect(cluster(v, { kRange: [2, 12] })).rejects.toThrow(/--k-range asks for 12 clusters/);
    await expect(cluster(v, { model: 'm.onnx' })).rejects.toThrow(/is none; leave it out/);
    await expect(cluster(at('images'))).rejects.toThrow(/name with --model what makes vectors/);
    await expect(cluster(at('gone.npy'))).rejects.toThrow(/gone\.npy/);
    await expect(cluster(at('v.files.json'))).rejects.toThrow(
      /ends in none of \.npy, \.safetensors, \.csv, \.index/,
    );
  });
});

describe('files of vectors', () => {
  const read = async (name: string, content: string | Uint8Array) => {
    await writeFile(at(name), content);
    return readVectors(at(name));
  };

  it('are arrays, safetensors, tables and indices', async () => {
    const { vectors, names: ofNpy } = await readVectors(at('v.npy'));
    expect([vectors, ofNpy]).toEqual([{ data, shape }, names]);
    const float64 = Float64Array.from(data);
    expect((await read('d.npy', encodeNpy({ data: float64, shape }))).vectors.data).toEqual(float64);
    expect(
      (await read('i.npy', encodeNpy({ data: Int32Array.of(1, 2), shape: [2, 1] }))).vectors.data,
    ).toEqual(Float32Array.of(1, 2));
    const files = { files: JSON.stringify(['a', 'b']) };
    const two = { dtype: 'f32', shape: [2, 1], data: Float32Array.of(1, 2) } as const;
    const other = { ...two, data: Float32Array.of(9, 9) };
    const named = await read('t.safetensors', encodeSafetensors({ embeddings: two, other }, files));
    expect(named).toEqual({ vectors: { data: two.data, shape: [2, 1] }, names: ['a', 'b'], named: true });
    const halves = { dtype: 'bf16', shape: [2, 1], data: Uint16Array.of(0x3f80, 0xc000) } as const;
    const single = await read('h.safetensors', encodeSafetensors({ any: halves }));
    expect(single).toEqual({
      vectors: { data: Float32Array.of(1, -2), shape: [2, 1] },
      names: ['0', '1'],
      named: false,
    });

    const table = await read('v.csv', '\ufefffile,time,e0,e1\n"a,b",,1,2\nc,0.500,3,4e-1\n');
    expect(table.names).toEqual(['a,b', 'c#t=0.5']);
    expect([...table.vectors.data]).toEqual([1, 2, 3, 0.4]);
    expect((await read('n.csv', '1;2\n3;4\n')).names).toEqual(['0', '1']);
    expect((await read('m.csv', 'x,y\n1,2\n')).vectors.shape).toEqual([1, 2]);
    expect((await read('o.csv', 'cat,1\ndog,2\n')).names).toEqual(['cat', 'dog']);

    const index = await createIndex(await fileStorage(at('v.index'), 'create'), { d: 2 });
    await index.append({ data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] }, ['a', 7]);
    await index.close();
    const indexed = await readVectors(at('v.index'));
    expect(indexed).toEqual({
      vectors: { data: Float32Array.of(1, 2, 3, 4), shape: [2, 2] },
      names: ['a', '7'],
      named: true,
    });
  });

  it('are told what is wrong with them', async () => {
    await expect(read('a.npy', encodeNpy({ data, shape: [22] }))).rejects.toThrow(
      /has shape \[22\]; give vectors/,
    );
    await writeFile(at('b.files.json'), '["one"]');
    await expect(read('b.npy', encodeNpy({ data, shape }))).rejects.toThrow(
      /names 1 items, and there are 11 vectors/,
    );
    await writeFile(at('c.files.json'), '[1');
    await expect(read('c.npy', encodeNpy({ data, shape }))).rejects.toThrow(/c\.files\.json: is no JSON/);
    const one = { dtype: 'f32', shape: [1, 1], data: Float32Array.of(1) } as const;
    await expect(read('e.safetensors', encodeSafetensors({ a: one, b: one }))).rejects.toThrow(
      /has the tensors a, b/,
    );
    await expect(read('e.csv', 'file,e0\n')).rejects.toThrow(/has no row of numbers/);
    await expect(read('f.csv', '1,2\n1\n')).rejects.toThrow(/f\.csv:2: has 1 fields, the row before it 2/);
    await expect(read('g.csv', '1,2\n3,x\n')).rejects.toThrow(/g\.csv:2: field 2 is "x"; give a number/);
  });
});
