import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import {
  type DatasetChoice,
  type DatasetSource,
  datasetZip,
  lookAtDataset,
} from '../../web/src/studio/project/dataset.ts';
import type { LabelObject, Picture, Project, Split } from '../../web/src/studio/project/model.ts';
import { COINS } from './studioPage.ts';

const classes: Project['classes'] = [
  { id: 'a', name: '../a/b', color: '#ff0080', key: '' },
  { id: 'b', name: 'CON', color: '#ff0080', key: '' },
];
const CHOICE: DatasetChoice = { format: 'coco', which: 'all', images: true };

/** A project with pictures of these names, each with one box; and how many files were asked for. */
function sourceOf(names: readonly string[], split: (i: number) => Split = () => 'train') {
  const asked = { files: 0, labels: 0 };
  const pictures = names.map(
    (name, i): Picture => ({
      ...{ id: String(i), project: 'p', name, width: 384, height: 303, size: 10, digest: '', added: i },
      ...{ split: split(i), done: false, objects: 1 },
    }),
  );
  const objects = (i: number): LabelObject[] => [
    { id: 'o', classId: i % 2 === 0 ? 'a' : 'b', shape: { kind: 'box', box: [1, 2, 30, 40] } },
  ];
  const source: DatasetSource = {
    ...{ project: { classes }, pictures },
    async fileOf({ name }) {
      asked.files += 1;
      return new Blob([name.includes('coins') ? new Uint8Array(COINS) : new TextEncoder().encode(name)]);
    },
    async labelsOf({ id }) {
      asked.labels += 1;
      return { picture: id, objects: objects(Number(id)) };
    },
  };
  return { source, asked };
}

async function filesOf(source: DatasetSource, choice: Partial<DatasetChoice>) {
  const parts: Uint8Array<ArrayBuffer>[] = [];
  for await (const part of datasetZip(source, { ...CHOICE, ...choice })) parts.push(part);
  return unzipSync(new Uint8Array(await new Blob(parts).arrayBuffer()));
}

describe('a project as a data set', () => {
  it('is read as it is taken, picture by picture', async () => {
    const names = Array.from({ length: 2000 }, (_, i) => `folder/${i}.png`);
    const { source, asked } = sourceOf(names);
    const parts = datasetZip(source, CHOICE);
    let bytes = 0;
    for (let i = 0; i < 30; i++) bytes += (await parts.next()).value!.length;
    expect(bytes).toBeGreaterThan(100);
    expect(asked.files).toBeLessThan(20);
    expect(asked.labels).toBeLessThan(20);
    await parts.return();
    const files = await filesOf(source, {});
    expect(Object.keys(files).length).toBe(2001);
    expect(JSON.parse(new TextDecoder().decode(files['annotations.json'])).annotations.length).toBe(2000);
  });

  it('reads no picture to see what it will have', async () => {
    const { source, asked } = sourceOf(['a.png', 'b.png']);
    const counts = await lookAtDataset(source, { ...CHOICE, format: 'yolo' });
    expect(counts).toMatchObject({ pictures: 2, objects: 2, unlabelled: 0, points: 0 });
    expect(asked).toEqual({ files: 0, labels: 2 });
  });

  it('has names that every system takes, and tells pictures apart', async () => {
    const { source } = sourceOf(['../x.png', 'x.png', 'y/x.png', 'coins', 'a\\b.png', 'CON.png']);
    const names = Object.keys(await filesOf(source, { format: 'labelme' })).sort();
    expect(names.filter((name) => !name.endsWith('.json'))).toEqual([
      ...['_CON.png', 'b.png', 'coins.png', 'x (2).png', 'x.png', 'y_x.png'],
    ]);
    const folders = Object.keys(await filesOf(source, { format: 'folders' })).sort();
    expect(folders).toEqual([
      ...['_CON/_CON.png', '_CON/coins', '_CON/x.png', '__a_b/__x.png', '__a_b/a_b.png', '__a_b/y_x.png'],
    ]);
  });

  it('has a folder for each part where there are several', async () => {
    const { source } = sourceOf(['a.png', 'b.png', 'c.png'], (i) => (i === 1 ? 'test' : 'train'));
    expect(Object.keys(await filesOf(source, { format: 'coco', images: false })).sort()).toEqual([
      ...['test/annotations.json', 'train/annotations.json'],
    ]);
  });

  it('says which names of classes a format cannot have', async () => {
    const { source } = sourceOf(['a.png']);
    const named = (name: string) => ({ ...source, project: { classes: [{ ...classes[0]!, name }] } });
    await expect(lookAtDataset(named(' x'), { ...CHOICE, format: 'yolo' })).rejects.toThrow(
      /cannot be written to classes\.txt/,
    );
    await expect(lookAtDataset(named('background'), { ...CHOICE, format: 'masks' })).rejects.toThrow(
      /where it is the background/,
    );
  });
});
