/** A data set that is converted in batches is that of `fovea convert`, byte for byte, whatever ends the batch meanwhile. */
import {
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  realpath,
  rm,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { S3Server } from './s3Server.ts';
import { contents, filesWithout, makeLabelled, makePictures } from './scene.ts';

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-converted-'));
  await buildCli();
  await makeLabelled(at('labelled'));
  await makePictures(at('good'), 4);
  // The same with boxes in place of outlines.
  await cp(at('labelled'), at('boxes'), { recursive: true });
  for (let i = 0; i < 7; i++) {
    const file = at(`boxes/p000${i}.json`);
    const { shapes, ...rest } = JSON.parse(await readFile(file, 'utf8'));
    const [{ points, ...shape }] = shapes;
    const box = { ...shape, points: [points[0], points[2]], shape_type: 'rectangle' };
    await writeFile(file, JSON.stringify({ ...rest, shapes: [box] }));
  }
  await mkdir(at('torn'));
  await writeFile(at('torn/p0000.json'), '{"shapes": [');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** How a batch is cut and run: each gives the same. */
describe.each([
  ['in this process', ['--shard', '3']],
  ['in two others', ['--shard', '2', '--workers', '2']],
] as const)('%s', (_, running) => {
  it.each([
    ['coco', 'labelled', []],
    ['voc', 'labelled', []],
    ['yolo', 'labelled', ['--skip-bad']],
    ['labelme', 'labelled', ['--clip']],
    ['masks', 'boxes', ['--boxes-as-masks']],
  ])('converts to %s', async (format, data, options) => {
    const plain = at(`convert-${format}`);
    const command = [at(data), '--format', format, ...options];
    const { code, stdout, stderr } = await fovea(
      ...['convert', command[0]!, plain, ...command.slice(1), '--skip-bad', '--force'],
    );
    expect(code, stderr).toBe(0);
    expect(stderr).toContain('left out 1 image');
    expect(stdout).toContain(': 6 images, 6 objects (6 coin)');
    const wanted = await contents(plain);
    expect(Object.keys(wanted)).toContain('.fovea-files.json');
    const out = at(`convert-${format}-${running.length}`);
    const run = await filesWithout('p0003.png: ', out, 'convert', ...command, ...running, '--out', out);
    expect(run).toEqual(wanted);
    const said = stdout.replace(plain, out);
    const again = await fovea('batch', 'convert', ...command, ...running, '--out', out);
    expect(again.code).toBe(2);
    expect(again.stdout).toBe(`${said}${out}: 6 images of 7\n`);
    expect(await contents(out)).toMatchObject(wanted);
  });
});

describe('fovea batch convert', () => {
  const DATA = ['batch', 'convert'];
  const damaged = async (name: string, mended = false): Promise<string> => {
    await cp(at('labelled'), at(name), { recursive: true });
    if (mended) await copyFile(at('good/p0003.png'), at(name, 'p0003.png'));
    return at(name);
  };
  const plainly = async (data: string, format: string): Promise<Record<string, string>> => {
    const to = await mkdtemp(path.join(folder, 'plain-'));
    const { code, stderr } = await fovea('convert', data, to, '--format', format);
    expect(code, stderr).toBe(0);
    return contents(to);
  };

  it('takes what was mended, and replaces what it wrote before', async () => {
    const [data, out] = [await damaged('unconverted'), at('converted')];
    await filesWithout('p0003.png: ', out, 'convert', data, '--format', 'yolo', '--out', out);
    await copyFile(at('good/p0003.png'), path.join(data, 'p0003.png'));
    const { code, stdout, stderr } = await fovea('retry', out);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain('7 images, 7 objects (7 coin)');
    expect(await contents(out)).toEqual(await plainly(data, 'yolo'));
    // Another format needs --force, as in the plain command, which knows these files.
    const other = [...DATA, data, '--format', 'coco', '--out', out];
    const refused = await fovea(...other);
    expect(refused.code).toBe(2);
    expect(messages(refused.stderr)).toEqual([
      `fovea: ${out}: has a data set already; choose another folder, or replace it with --force`,
    ]);
    const forced = await fovea(...other, '--force');
    expect(forced.code, forced.stderr).toBe(0);
    expect(await contents(out)).toEqual(await plainly(data, 'coco'));
    expect((await readdir(out)).sort()).toEqual(['.fovea-files.json', 'annotations.json', 'images']);
    const plain = await fovea('convert', data, out, '--format', 'voc', '--force');
    expect(plain.code, plain.stderr).toBe(0);
  });

  it('goes on after a kill, also while it writes', async () => {
    const data = await damaged('killed-data', true);
    // Enough for a kill to come between.
    const many = 200;
    for (let i = 10; i < 10 + many; i++) {
      const text = await readFile(path.join(data, 'p0000.json'), 'utf8');
      await writeFile(path.join(data, `p00${i}.json`), text.replace('p0000.png', `p00${i}.png`));
      await copyFile(path.join(data, 'p0000.png'), path.join(data, `p00${i}.png`));
    }
    const out = at('killed');
    const args = [...DATA, data, '--format', 'yolo', '--shard', '1', '--out', out];
    const count = (...names: string[]) =>
      readdir(path.join(out, ...names)).then(
        (found) => found.length,
        () => 0,
      );
    for (const until of [
      ['.fovea-batch', 'shards'],
      ['.fovea-batch', 'data', 'labels'],
    ]) {
      const { child, ended } = startFovea(args);
      await expect.poll(() => count(...until), { interval: 2, timeout: 60_000 }).toBeGreaterThan(3);
      child.kill('SIGKILL');
      expect((await ended).signal).toBe('SIGKILL');
      expect(await count('labels')).toBe(0);
    }
    // As if the kill had come while files were put in their place: some of them are there, and the list.
    await mkdir(path.join(out, 'labels'));
    await writeFile(path.join(out, 'labels/p0001.txt'), 'half');
    await writeFile(path.join(out, '.fovea-files.json'), '["labels/p0001.txt","labels/gone.txt"]');
    await writeFile(path.join(out, 'labels/gone.txt'), '');
    const { code, stderr } = await fovea(...args);
    expect(code, stderr).toBe(0);
    expect(stderr).toContain(`of ${many + 7} images were done before`);
    expect(await contents(out)).toEqual(await plainly(data, 'yolo'));
  });

  it('links to images', async () => {
    const data = await damaged('linked-data', true);
    const out = at('linked');
    const { code, stderr } = await fovea(
      ...[...DATA, data, '--format', 'coco', '--link-images', '--out', out],
    );
    expect(code, stderr).toBe(0);
    expect(await readlink(path.join(out, 'images/p0001.png'))).toBe(
      await realpath(path.join(data, 'p0001.png')),
    );
  });

  it('writes nothing where no image can be used', async () => {
    await mkdir(at('none'));
    for (const name of ['p0003.json', 'p0003.png']) await copyFile(at('labelled', name), at('none', name));
    const { code, stdout, stderr } = await fovea(...DATA, at('none'), '--format', 'coco', '--out', at('no'));
    expect(code).toBe(2);
    expect(stdout).toBe(`${at('no')}: 0 images of 1\n`);
    expect(stderr).toContain('1 of 1 image failed');
    expect(await readdir(at('no'))).toEqual(['.fovea-batch', 'failed.jsonl']);
  });

  it.each([
    [['labelled', '--format', 'coco', '--boxes-as-masks'], /--boxes-as-masks is for --format masks; leave/],
    [['boxes', '--format', 'masks'], /has boxes but no outlines or masks; convert it to another format/],
    [['labelled', '--format', 'coco', '--out', 'labelled'], /labelled: is the folder to convert; choose/],
    [['labelled', '--format', 'coco', '--out', 'labelled/out'], /is inside .*, or contains it; choose a sep/],
    [
      ['labelled', '--format', 'coco', '--out', 'good'],
      /good: contains p0000\.png, which fovea convert did not/,
    ],
    [
      ['labelled', '--format', 'coco', '--out', 'good', '--force'],
      /good: contains p0000\.png, .*choose another/,
    ],
    [['torn', '--format', 'coco'], /p0000\.json: line 1, column 13: expected a value .*--skip-bad/],
  ])('refuses %j in one line, and leaves nothing', async (args, says) => {
    const own = args.map((one) => (/^(?:labelled|boxes|torn|good)(?:$|\/)/.test(one) ? at(one) : one));
    const before = await contents(at('good'));
    const out = args.includes('--out') ? [] : ['--out', at('refused-data')];
    const { code, stderr } = await fovea(...DATA, ...own, ...out);
    expect(code, stderr).toBe(2);
    expect(messages(stderr)).toEqual([expect.stringMatching(says)]);
    expect(await contents(at('refused-data')).catch(() => ({}))).toEqual({});
    expect(await contents(at('good'))).toEqual(before);
  });
});

it('converts to a store, and replaces the data set that was there', async () => {
  const credentials = {
    accessKeyId: 'AKIDOFTESTS',
    secretAccessKey: 'secret/of+tests=',
    sessionToken: 'token',
  };
  const store = await S3Server.open({ credentials, region: 'eu-test-1', buckets: ['lab'], page: 5 });
  onTestFinished(() => store.close());
  vi.stubEnv('AWS_ACCESS_KEY_ID', credentials.accessKeyId);
  vi.stubEnv('AWS_SECRET_ACCESS_KEY', credentials.secretAccessKey);
  vi.stubEnv('AWS_SESSION_TOKEN', credentials.sessionToken);
  vi.stubEnv('AWS_REGION', 'eu-test-1');
  vi.stubEnv('AWS_ENDPOINT_URL', store.endpoint);
  onTestFinished(() => void vi.unstubAllEnvs());
  await cp(at('labelled'), at('stored'), { recursive: true });
  const convert = ['convert', at('stored'), '--shard', '3'];
  const refused = async (format: string, ...more: string[]) => {
    const { code, stderr } = await fovea(
      'batch',
      ...convert,
      '--format',
      format,
      ...more,
      '--out',
      's3://lab/data',
    );
    expect(code, stderr).toBe(2);
    return stderr;
  };
  expect(await refused('yolo')).toContain('1 of 7 images failed (s3://lab/data/failed.jsonl');
  await copyFile(at('good/p0003.png'), at('stored/p0003.png'));
  const retried = await fovea('retry', 's3://lab/data');
  expect(retried.code, retried.stderr).toBe(0);
  const plain = async (format: string): Promise<Record<string, string>> => {
    const { code, stderr } = await fovea('convert', at('stored'), at(`stored-${format}`), '--format', format);
    expect(code, stderr).toBe(0);
    return contents(at(`stored-${format}`));
  };
  expect(store.contents('lab', 'data')).toEqual(await plain('yolo'));
  expect(await refused('coco')).toContain(
    's3://lab/data: has a data set already; choose another folder, or ',
  );
  const forced = await fovea('batch', ...convert, '--format', 'coco', '--force', '--out', 's3://lab/data');
  expect(forced.code, forced.stderr).toBe(0);
  expect(store.contents('lab', 'data')).toEqual(await plain('coco'));
  expect(await refused('coco', '--link-images')).toContain('--out s3://lab/data has no links; leave it out');
  store.put('lab', 'data/notes.txt', Buffer.from('mine'));
  expect(await refused('coco', '--force')).toContain(
    's3://lab/data: contains notes.txt, which fovea convert did ',
  );
  expect(store.contents('lab', 'data')).toMatchObject(await contents(at('stored-coco')));
});
