import { describe, expect, it } from 'vitest';
import { parseCsv } from '../../src/data/classify/csv.ts';
import { openClassDataset } from '../../src/data/classify/open.ts';
import type { DataFault } from '../../src/data/faults.ts';
import type { DataFiles } from '../../src/data/formats/format.ts';
import { kFold, trainTestSplit } from '../../src/data/split.ts';

/** A file system of text files by their paths. */
function filesOf(content: Readonly<Record<string, string>>): DataFiles {
  const folders = new Set<string>();
  for (const path of Object.keys(content)) {
    const parts = path.split('/');
    for (let i = 1; i < parts.length; i++) folders.add(parts.slice(0, i).join('/'));
  }
  return {
    kind: async (path) => (content[path] !== undefined ? 'file' : folders.has(path) ? 'folder' : undefined),
    list: async (folder) =>
      [...Object.keys(content), ...folders]
        .filter((path) => path.startsWith(`${folder}/`) && !path.slice(folder.length + 1).includes('/'))
        .map((path) => ({ name: path.slice(folder.length + 1), folder: folders.has(path) }))
        .sort((a, b) => (a.name < b.name ? -1 : 1)),
    bytes: async (path) => new TextEncoder().encode(content[path]),
    open: () => Promise.reject(new Error('unused')),
    imageSize: async () => ({ width: 1, height: 1 }),
    decodePng: () => Promise.reject(new Error('unused')),
  };
}

const shown = (files: readonly { name: string; label: string }[]) =>
  files.map(({ name, label }) => `${name}=${label}`);

describe('a folder per class', () => {
  it('has its classes in the order of the sorted names, and its images by name', async () => {
    const faults: DataFault[] = [];
    const files = filesOf({
      'd/dog/2.jpg': '',
      'd/dog/10.PNG': '',
      'd/cat/deep/1.webp': '',
      'd/cat/.hidden.jpg': '',
      'd/cat/notes.txt': '',
      'd/Zebra/z.jpeg': '',
      'd/.git/x.jpg': '',
      'd/stray.jpg': '',
      'd/readme.md': '',
    });
    const dataset = await openClassDataset(files, 'd', { onFault: (fault) => void faults.push(fault) });
    expect(dataset).toMatchObject({ format: 'folders', classNames: ['Zebra', 'cat', 'dog'], splits: [] });
    expect(shown(dataset.files)).toEqual(['Zebra/z=Zebra', 'cat/deep/1=cat', 'dog/10=dog', 'dog/2=dog']);
    expect(faults.map(({ level, message }) => `${level} ${message}`)).toEqual([
      'note d/cat/notes.txt: has no extension of an image, and was passed over',
      'note d/stray.jpg: is in no folder of a class, and was passed over',
    ]);
  });

  it('may have more images than a call takes arguments, in one folder and in parts', async () => {
    const count = 150_000;
    const listed = Array.from({ length: count }, (_, i) => ({ name: `${i}.jpg`, folder: false }));
    const folders = (...names: string[]) => names.map((name) => ({ name, folder: true }));
    const tree: Readonly<Record<string, { readonly name: string; readonly folder: boolean }[]>> = {
      d: folders('train', 'val'),
      'd/train': folders('cat', 'dog'),
      'd/train/cat': listed,
      'd/train/dog': listed,
      'd/val': folders('cat'),
      'd/val/cat': listed,
    };
    const files = {
      ...filesOf({}),
      kind: async (path: string) => (tree[path] ? ('folder' as const) : ('file' as const)),
      list: async (folder: string) => tree[folder] ?? [],
    };
    expect((await openClassDataset(files, 'd')).files).toHaveLength(3 * count);
    const { files: ofTrain } = await openClassDataset(files, 'd/train', { classes: ['cat', 'dog'] });
    expect(ofTrain).toHaveLength(2 * count);
    const { train, valid } = trainTestSplit(ofTrain, 0.2, { stratify: ({ label }) => label });
    expect([train.length, valid.length]).toEqual([1.6 * count, 0.4 * count]);
  });

  it('may be in parts, of which one is read, with the classes of all', async () => {
    const files = filesOf({ 'd/train/cat/1.jpg': '', 'd/train/dog/2.jpg': '', 'd/val/cat/3.jpg': '' });
    const all = await openClassDataset(files, 'd');
    expect(all.splits).toEqual(['train', 'val']);
    expect(all.files).toHaveLength(3);
    const val = await openClassDataset(files, 'd', { split: 'val' });
    expect(val.classNames).toEqual(['cat', 'dog']);
    expect(shown(val.files)).toEqual(['val/cat/3=cat']);
    await expect(openClassDataset(files, 'd', { split: 'test' })).rejects.toThrow(
      'd: has no part "test"; choose from train, val',
    );
  });

  it('takes folders called train and test for classes where they have images', async () => {
    const files = filesOf({ 'd/train/1.jpg': '', 'd/test/2.jpg': '' });
    const { classNames, splits } = await openClassDataset(files, 'd');
    expect({ classNames, splits }).toEqual({ classNames: ['test', 'train'], splits: [] });
  });

  it('refuses a class without images, or leaves it out', async () => {
    const files = filesOf({ 'd/cat/1.jpg': '', 'd/dog/readme.txt': '' });
    await expect(openClassDataset(files, 'd')).rejects.toThrow(
      'd/dog: has no image, but each folder is a class',
    );
    const { classNames } = await openClassDataset(files, 'd', { skipBad: true });
    expect(classNames).toEqual(['cat']);
  });

  it('refuses what is no data set, and classes that a model lacks', async () => {
    const files = filesOf({ 'd/readme.txt': '', 'e/cat/1.jpg': '' });
    await expect(openClassDataset(files, 'd')).rejects.toThrow(
      'd: has no folder with images; give a folder per class',
    );
    await expect(openClassDataset(files, 'x')).rejects.toThrow('x: no such file or folder');
    await expect(openClassDataset(files, 'e', { format: 'csv' })).rejects.toThrow('e: has no CSV file');
    await expect(openClassDataset(files, 'e', { classes: ['dog'] })).rejects.toThrow(
      'e/cat/1.jpg: the class "cat" is not a class of the model (dog)',
    );
  });
});

describe('a CSV file of classes', () => {
  const images = { 'd/a.jpg': '', 'd/b.png': '', 'd/sub/c.jpg': '' };

  it.each([
    ['file,label', 'a.jpg,cat', 'sub/c.jpg,dog'],
    ['Class;File Name', 'cat;a.jpg', 'dog;sub/c.jpg'],
    ['image_id\tcategory', 'a\tcat', 'sub\\c\tdog'],
    ['path,other,class', '"a.jpg","x, ""y""\nz",cat', 'sub/c.jpg,,dog'],
  ])('is read by its header: %s', async (...lines) => {
    const files = filesOf({ ...images, 'd/labels.csv': lines.join('\r\n') });
    for (const path of ['d', 'd/labels.csv']) {
      const dataset = await openClassDataset(files, path);
      expect(dataset).toMatchObject({ format: 'csv', path: 'd/labels.csv', classNames: ['cat', 'dog'] });
      expect(shown(dataset.files)).toEqual(['a=cat', 'sub/c=dog']);
    }
  });

  it('may have a column of parts', async () => {
    const text = 'file,label,split\na.jpg,cat,train\nb.png,dog,val\n';
    const files = filesOf({ ...images, 'd/labels.csv': text });
    const { splits, files: found, classNames } = await openClassDataset(files, 'd', { split: 'val' });
    expect(splits).toEqual(['train', 'val']);
    expect(classNames).toEqual(['cat', 'dog']);
    expect(shown(found)).toEqual(['b=dog']);
  });

  it('names the line of what is wrong, and leaves it out with skipBad', async () => {
    const text = [
      'file,label',
      'a.jpg,cat',
      'a.jpg,cat',
      'a.jpg,dog',
      'x.jpg,cat',
      'b.png,',
      ',cat',
      'b.png,dog,more',
      'B.png,dog',
      'file:///etc/a.jpg,cat',
    ].join('\n');
    const files = filesOf({ ...images, 'd/labels.csv': text });
    await expect(openClassDataset(files, 'd')).rejects.toThrow(
      'd/labels.csv: line 4: a.jpg is dog, but cat in line 2; an image has one class',
    );
    const faults: DataFault[] = [];
    const dataset = await openClassDataset(files, 'd', {
      skipBad: true,
      onFault: (fault) => void faults.push(fault),
    });
    expect(shown(dataset.files)).toEqual(['a=cat']);
    expect(faults.map(({ level, kind }) => `${level} ${kind}`)).toEqual([
      'note duplicate',
      'annotation duplicate',
      'annotation missing image',
      'annotation class name',
      'annotation structure',
      'annotation structure',
      'annotation missing image',
      'annotation path',
    ]);
    expect(faults[6]!.message).toContain('(d/b.png is there: upper and lower case must be the same)');
  });

  it('refuses a file without the header, and two of them', async () => {
    const one = filesOf({ ...images, 'd/labels.csv': 'a.jpg,cat\n' });
    await expect(openClassDataset(one, 'd/labels.csv')).rejects.toThrow(
      'd/labels.csv: its first line is "a.jpg,cat", not a header with a column of files',
    );
    const two = filesOf({ ...images, 'd/x.csv': 'file,label\n', 'd/y.csv': 'file,label\n' });
    await expect(openClassDataset(two, 'd')).rejects.toThrow(
      'd: has several tables of images and classes, x.csv, y.csv',
    );
  });
});

describe('parseCsv', () => {
  it('reads RFC 4180', () => {
    expect(parseCsv('a,"b ""c""\nd",\r\n\r\n,x', 'f')).toEqual([
      { line: 1, fields: ['a', 'b "c"\nd', ''] },
      { line: 4, fields: ['', 'x'] },
    ]);
    expect(() => parseCsv('a\n"b', 'f')).toThrow('f: line 2: a quote is not closed; close it');
    expect(() => parseCsv('a,"b"c', 'f')).toThrow('f: line 1: there is text after a closing quote');
  });
});

describe('stratified splits', () => {
  const items = [...'aaaaaaaaaabbbbbcd'].map((label, i) => ({ label, i }));
  const stratify = ({ label }: { readonly label: string }) => label;
  const counts = (split: readonly { readonly label: string }[]) => {
    const found: Record<string, number> = {};
    for (const { label } of split) found[label] = (found[label] ?? 0) + 1;
    return found;
  };

  it('hold out the share of each class, and train on all of classes of one', () => {
    const { train, valid } = trainTestSplit(items, 0.2, { seed: 1, stratify });
    expect(counts(valid)).toEqual({ a: 2, b: 1 });
    expect(counts(train)).toEqual({ a: 8, b: 4, c: 1, d: 1 });
    expect([...train, ...valid].map(({ i }) => i).sort((a, b) => a - b)).toEqual(items.map(({ i }) => i));
    expect(trainTestSplit(items, 0.2, { seed: 1, stratify })).toEqual({ train, valid });
  });

  it('deal each class out to the folds', () => {
    const folds = [0, 1, 2, 3, 4].map((fold) => kFold(items, 5, fold, { seed: 1, stratify }).valid);
    for (const fold of folds) expect(counts(fold)).toMatchObject({ a: 2, b: 1 });
    expect(
      folds
        .flat()
        .map(({ i }) => i)
        .sort((a, b) => a - b),
    ).toEqual(items.map(({ i }) => i));
    expect(() => kFold(items, 2, 0, { stratify, group: ({ i }) => i })).toThrow(
      'kFold: group and stratify are both given; leave one of them out',
    );
  });
});
