import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { foveaHere } from './here.ts';
import { messages } from './run.ts';

const CUTOUTS = path.join(import.meta.dirname, '../../examples/cutouts');
const CLASSES = ['apple', 'ball', 'car', 'cat', 'frog', 'background'];

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-panoptic-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Panoptic {
  readonly images: readonly { id: number; width: number; height: number }[];
  readonly annotations: readonly {
    image_id: number;
    file_name: string;
    segments_info: readonly { id: number; category_id: number; bbox: number[]; area: number }[];
  }[];
  readonly categories: readonly { id: number; name: string; isthing: number }[];
}

it('trains a Panoptic FPN, evaluates it, and writes segments as COCO has them', async () => {
  const model = at('m.safetensors');
  const trained = await foveaHere(
    ...['train', '--model', 'panopticfpn', '--data', path.join(CUTOUTS, 'train'), '--out', model],
    ...['--steps', '2', '--size', '64', '--crop', '64', '--batch', '2', '--width', '4', '--val', '0'],
  );
  expect(trained.stderr).toContain(`panopticfpn: 60 images, classes ${CLASSES.join(', ')}; 2 steps`);
  expect(trained.stderr).toMatch(/step 2\/2, .*mask \d\.\d+, .*semantic \d\.\d+/);
  expect(trained.code).toBe(0);

  const judged = await foveaHere(
    ...['eval', model, '--data', path.join(CUTOUTS, 'val'), '--json', at('eval.json')],
  );
  for (const what of ['all', 'things', 'stuff']) {
    expect(judged.stdout).toMatch(new RegExp(`^panoptic quality, ${what}: PQ \\d\\.\\d+, SQ \\d`, 'm'));
  }
  expect(judged.stdout).toMatch(/^apple .*\n(.*\n){4}all /m);
  const { panoptic } = JSON.parse(readFileSync(at('eval.json'), 'utf8'));
  expect(panoptic.perClass.map(({ label }: { label: string }) => label)).toEqual(CLASSES);

  const image = path.join(CUTOUTS, 'val/images/val-001.jpg');
  const found = await foveaHere(
    ...['detect', model, image, '--out', at('found'), '--format', 'panoptic', '--threshold', '0'],
  );
  expect(found.code).toBe(0);
  const { images, annotations, categories }: Panoptic = JSON.parse(
    readFileSync(at('found/panoptic.json'), 'utf8'),
  );
  expect(categories.map(({ name, isthing }) => [name, isthing])).toEqual(
    CLASSES.map((name) => [name, name === 'background' ? 0 : 1]),
  );
  expect(annotations).toHaveLength(1);
  expect(images).toMatchObject([{ id: annotations[0]!.image_id, width: 224, height: 160 }]);
  const { data, info } = await sharp(at('found/panoptic', annotations[0]!.file_name))
    .raw()
    .toBuffer({ resolveWithObject: true });
  expect([info.width, info.height, info.channels]).toEqual([224, 160, 3]);
  const areas = new Map<number, number>();
  for (let i = 0; i < data.length; i += 3) {
    const id = data[i]! + 256 * data[i + 1]! + 65536 * data[i + 2]!;
    if (id !== 0) areas.set(id, (areas.get(id) ?? 0) + 1);
  }
  const segments = annotations[0]!.segments_info;
  expect(segments.length).toBeGreaterThan(0);
  expect(new Map(segments.map(({ id, area }) => [id, area]))).toEqual(areas);
  for (const { category_id, bbox, area } of segments) {
    expect(categories.some(({ id }) => id === category_id)).toBe(true);
    expect(bbox[2]! * bbox[3]!).toBeGreaterThanOrEqual(area);
  }

  const merged = await foveaHere(
    ...['detect', model, image, '--out', at('merged'), '--format', 'panoptic', '--flip'],
  );
  expect(messages(merged.stderr).at(-1)).toContain('not for --format panoptic');
  expect(merged.code).not.toBe(0);
});
