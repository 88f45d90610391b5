import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { beforeEach, expect, it } from 'vitest';
import type { LabelClass, LabelObject, LabelShape } from '../../web/src/studio/project/model.ts';
import { foveaHere } from '../cli/here.ts';
import { coinsProject, type Given, openProjectFile, unpackInto } from './exportProject.ts';
import { axeFaults, chooser, coins, enterRoom, Studio } from './studioPage.ts';

const studio = Studio.ofTests();
let context: BrowserContext;
let page: Page;
let folder: string;

beforeEach(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-export-room-'));
  context = await studio.visitor({ acceptDownloads: true });
  // Without the dialog for files, which no test can answer.
  await context.addInitScript(() => Reflect.deleteProperty(window, 'showSaveFilePicker'));
  page = await studio.open(context);
  return async () => {
    rmSync(folder, { recursive: true });
    await studio.leave(context);
  };
});

const CLASSES: readonly LabelClass[] = [
  { id: 'a', name: 'coin', color: '#ff0080', key: '1' },
  { id: 'b', name: 'crème <b>', color: '#0080ff', key: '2' },
];
let last = 0;
const object = (classId: string, shape: LabelShape, more: Partial<LabelObject> = {}): LabelObject => ({
  ...{ id: `o${last++}`, classId, shape, ...more },
});
const box = (x: number, y: number): LabelShape => ({ kind: 'box', box: [x, y, x + 40, y + 30] });
const polygon: LabelShape = {
  kind: 'polygon',
  points: [
    [200, 100],
    [260, 110],
    [220, 160],
  ],
};
const mask: LabelShape = {
  ...{ kind: 'mask', x: 20, y: 150, width: 30, height: 20 },
  data: Uint8Array.from({ length: 600 }, (_, i) => Number(i % 30 < 20 || i >= 570)),
};
const point: LabelShape = { kind: 'point', at: [5, 5] };

/** Two parts; names that are the same but for their folder, and one that is no usual file name. */
const PICTURES: readonly Given[] = [
  {
    ...{ name: 'left/0001.png', split: 'train', done: true },
    objects: [object('a', box(10, 10)), object('b', box(100, 40)), object('a', point)],
  },
  { name: 'right/0001.png', split: 'train', objects: [object('a', polygon), object('b', mask)] },
  {
    ...{ name: '../a:b?.png', split: 'valid', done: true },
    objects: [object('a', box(60, 60)), object('b', box(150, 90), { score: 0.4 })],
  },
  { name: 'empty.png', split: 'valid', done: true, objects: [] },
  { name: 'new.png', split: 'train', objects: [] },
];

/** Opens the room with a project. */
async function enter(task: 'detect' | 'classify', pictures: readonly Given[]): Promise<void> {
  const fields = { name: 'My coins', task, classes: CLASSES };
  await openProjectFile(page, await coinsProject(fields, pictures));
  await enterRoom(page, 'Export');
}

/** Saves the data set, and unpacks it. */
async function save(name: string): Promise<{ dir: string; files: string[]; named: string }> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Save the data set' }).click();
  const file = await download;
  const dir = path.join(folder, name);
  await page.getByText(`${file.suggestedFilename()} is saved.`).waitFor();
  return {
    ...{ dir, named: file.suggestedFilename() },
    files: unpackInto(dir, readFileSync(await file.path())),
  };
}

/** What the command line finds in a data set, and of what kinds its annotations are. */
async function read(dir: string): Promise<string> {
  const to = `${dir}-coco`;
  const { code, stdout } = await foveaHere('convert', dir, to, '--format', 'coco');
  expect(code).toBe(0);
  return /\): (.*)/.exec(stdout)![1]!;
}

const choose = (title: string) => page.getByRole('radio', { name: title }).check();
const contents = () => page.locator('.contents').innerText();

it('writes every format as the command line reads it, part by part', async () => {
  await enter('detect', PICTURES);
  await page.getByText('4 pictures, 5 objects; a folder for each part: train, valid').waitFor();
  expect(await contents()).toContain('points, left out: 1\nproposals that nobody has accepted, left out: 1');
  expect(await axeFaults(page)).toEqual([]);

  const coco = await save('coco');
  expect(coco.named).toBe('My coins COCO.zip');
  expect(coco.files).toEqual([
    ...['train/annotations.json', 'train/images/0001.png', 'train/images/right_0001.png'],
    ...['valid/annotations.json', 'valid/images/a_b_.png', 'valid/images/empty.png'],
  ]);
  // Byte for byte.
  expect(readFileSync(path.join(coco.dir, 'train/images/right_0001.png'))).toEqual(coins(1).buffer);
  const all = { train: '2 images, 4 objects (2 coin, 2 crème <b>)', valid: '2 images, 1 object (1 coin)' };
  expect(await read(path.join(coco.dir, 'train'))).toBe(all.train);
  expect(await read(path.join(coco.dir, 'valid'))).toBe(all.valid);
  const { annotations } = JSON.parse(readFileSync(path.join(coco.dir, 'train/annotations.json'), 'utf8'));
  expect(annotations[0].bbox).toEqual([10, 10, 40, 30]);
  expect(annotations[2].segmentation).toEqual([[200, 100, 260, 110, 220, 160]]);
  expect(annotations[3]).toMatchObject({ area: 410, bbox: [20, 150, 30, 20] });

  for (const title of ['Labelme', 'Pascal VOC', 'YOLO']) {
    await choose(title);
    await page.getByText('4 pictures, 5 objects').waitFor();
    const { dir } = await save(title);
    expect(await read(path.join(dir, 'train')), title).toBe(all.train);
    expect(await read(path.join(dir, 'valid')), title).toBe(all.valid);
  }

  await choose('Masks a PNG');
  await page.getByText('boxes without an outline, written as not labelled: 3').waitFor();
  const masks = await save('masks');
  expect(await read(path.join(masks.dir, 'train'))).toBe('2 images, 2 objects (1 coin, 1 crème <b>)');
  const look = await foveaHere('look', path.join(masks.dir, 'train'), '--out', path.join(folder, 'look'));
  expect([look.code, look.stdout]).toEqual([0, expect.stringContaining('2 images')]);
});

it('says what a format cannot hold, before anything is saved, and saves labels alone', async () => {
  const crowd = object('a', box(10, 10), { flags: { crowd: true } });
  await enter('detect', [{ name: 'one.png', split: 'train', objects: [crowd, object('a', polygon)] }]);
  await choose('YOLO');
  await page.getByText('YOLO does not hold everything:').waitFor();
  expect(await contents()).toContain('crowds, left out: 1');
  await choose('COCO');
  await page.getByText('does not hold').waitFor({ state: 'detached' });
  await page.getByText('with the pictures').click();
  const { files } = await save('labels');
  expect(files).toEqual(['annotations.json']);
});

it('takes the pictures that are chosen, and says what has no labels', async () => {
  await enter('detect', PICTURES);
  const which = page.getByRole('combobox', { name: 'Pictures' });
  await which.selectOption({ label: 'everything is labelled (3)' });
  await page.getByText('3 pictures, 3 objects').waitFor();
  await which.selectOption({ label: 'all (5)' });
  await page.getByText('5 pictures, 5 objects').waitFor();
  expect(await contents()).toContain('1 picture has no labels');
  await choose('Labelme');
  await page.getByText('5 pictures, 5 objects').waitFor();
  const { files, dir } = await save('all');
  expect(files.filter((file) => file.endsWith('.png')).length).toBe(5);

  // The studio reads what it writes: with the parts.
  await enterRoom(page, 'Projects');
  await page.getByLabel('Name of a new project').fill('again');
  await page.getByRole('button', { name: 'Make' }).click();
  await chooser(page, 'Add a folder').setInputFiles(dir);
  await page.getByText('5 pictures added').waitFor();
  await enterRoom(page, 'Export');
  await page.getByText('5 pictures, 5 objects; a folder for each part: train, valid').waitFor();
});

it('writes a folder for each class, for pictures that have one', async () => {
  const whole = (classId: string): Given['objects'] => [object(classId, box(0, 0))];
  await enter('classify', [
    { name: 'x/1.png', split: 'train', objects: whole('a') },
    { name: 'y/1.png', split: 'train', objects: whole('b') },
    { name: '2.png', split: 'train', objects: [...whole('a'), ...whole('b')] },
  ]);
  await page.getByText('pictures without a class, or with several, left out: 1').waitFor();
  const { files, dir } = await save('classes');
  expect(files).toEqual(['coin/x_1.png', 'crème _b_/y_1.png']);
  const { code, stdout } = await foveaHere('look', dir, '--out', `${dir}-look`);
  expect([code, stdout]).toEqual([0, expect.stringContaining('2 images')]);
});
