import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { classifierFile, segmenterFile } from '../../studio/modelFiles.ts';
import { buildCli, fovea, messages, startFovea } from '../run.ts';
import { contents, makeDetector, makePictures } from './scene.ts';

const PICTURES = 14;
const FOVEA = path.join(import.meta.dirname, '../../../cli/bin/fovea.mjs');
let folder: string;
let model: string;
const at = (name: string) => path.join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-batch-'));
  await buildCli();
  await makePictures(at('in'), PICTURES);
  await makePictures(at('in/below'), 2);
  model = at('m.safetensors');
  await makeDetector(model);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const good = async (...args: string[]): Promise<string> => {
  const { code, stdout, stderr } = await fovea(...args);
  expect(code, stderr).toBe(0);
  return stdout;
};
const bad = async (...args: string[]): Promise<string> => {
  const { code, stderr } = await fovea(...args);
  const said = messages(stderr);
  expect(code, stderr).toBe(2);
  return said.at(-1)!;
};

describe('fovea batch on one machine', () => {
  it.each([
    ['labelme', ['--recursive']],
    ['coco', []],
    ['csv', ['--threshold', '0.7']],
    ['yolo', ['--save-conf']],
  ])('writes the bytes of fovea detect: %s', async (format, more) => {
    const [one, other, third] = ['plain', 'batch', 'two'].map((name) => at(`${name}-${format}`));
    const args = [model, at('in'), '--format', format, ...more];
    await good('detect', ...args, '--no-draw', '--out', one!);
    await good('batch', 'detect', ...args, '--out', other!, '--shard', '5');
    expect(await contents(other!)).toEqual(await contents(one!));
    if (format !== 'coco') return;
    await good('batch', 'detect', ...args, '--out', third!, '--shard', '3', '--workers', '2');
    expect(await contents(third!)).toEqual(await contents(one!));
  });

  it('draws what it finds, as fovea detect does', async () => {
    await good('detect', model, at('in/p0001.png'), '--out', at('drawn'));
    await good('batch', 'detect', model, at('in/p0001.png'), '--out', at('drawn-batch'), '--draw');
    expect(await contents(at('drawn-batch'))).toEqual(await contents(at('drawn')));
  });

  it('writes the hashes of fovea hash', async () => {
    const args = [at('in'), '--hashes', 'dHash,colorMomentHash', '--hash-size', '16'];
    await mkdir(at('hash'));
    await good('hash', ...args, '--json', at('hash/hashes.json'), '--csv', at('hash/hashes.csv'));
    await good('batch', 'hash', ...args, '--out', at('hash-batch'), '--shard', '4');
    expect(await contents(at('hash-batch'))).toEqual(await contents(at('hash')));
  });

  it('writes the masks of fovea segment, and the classes of fovea classify', async () => {
    const [unet, classifier] = [at('unet.safetensors'), at('classes.safetensors')];
    await writeFile(unet, await segmenterFile());
    await writeFile(classifier, await classifierFile());
    await good('segment', unet, at('in'), '--format', 'masks', '--no-draw', '--out', at('segment'));
    await good(
      'batch',
      'segment',
      unet,
      at('in'),
      '--format',
      'masks',
      '--out',
      at('segment-batch'),
      '--shard',
      '3',
    );
    expect(await contents(at('segment-batch'))).toEqual(await contents(at('segment')));
    await good('classify', classifier, at('in'), '--out', at('classify'), '--top', '2');
    await good(
      'batch',
      'classify',
      classifier,
      at('in'),
      '--out',
      at('classify-batch'),
      '--top',
      '2',
      '--workers',
      '1',
    );
    expect(await contents(at('classify-batch'))).toEqual(await contents(at('classify')));
  });

  it('goes on where it was killed or stopped', async () => {
    const many = 200;
    await makePictures(at('many'), many);
    const args = ['batch', 'detect', model, at('many'), '--shard', '1', '--format', 'csv', '--out'];
    await good(...args, at('whole'));
    const shards = () =>
      readdir(at('killed/.fovea-batch/shards')).then(
        (names) => names.filter((name) => !name.startsWith('.')).length,
        () => 0,
      );
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const before = await shards();
      const { child, ended } = startFovea([...args, at('killed')]);
      await expect.poll(shards).toBeGreaterThan(before);
      child.kill(signal);
      const { signal: by, stderr } = await ended;
      expect(by).toBe(signal);
      expect(stderr).not.toMatch(/Error|\bat .*:\d+/);
      if (signal === 'SIGTERM')
        expect(stderr).toMatch(/^stopped: \d+ of 200 shards done; the same command goes on$/m);
    }
    const before = await shards();
    expect(before).toBeLessThan(many);
    // What is done is not done again, so other options would be refused.
    const [other, options] = await Promise.all([
      bad(...args, at('killed'), '--threshold', '0.9'),
      readFile(at('killed/.fovea-batch/work.json'), 'utf8'),
    ]);
    expect(other).toMatch(/has a batch of other options or images/);
    expect(JSON.parse(options)).toMatchObject({ name: 'detect', images: many, shardSize: 1 });
    const { stderr } = await fovea(...args, at('killed'));
    expect(stderr).toContain(`${before} of ${many} images were done before`);
    expect(await contents(at('killed'))).toEqual(await contents(at('whole')));
  });

  it('lists what failed, and tries it again', async () => {
    await makePictures(at('some'), 5);
    const broken = at('some/p0002.png');
    const content = readFileSync(broken);
    await writeFile(broken, content.subarray(0, 100));
    const args = ['batch', 'detect', model, at('some'), '--shard', '2', '--format', 'csv', '--out'];
    const said = await bad(...args, at('failing'), '--report-bad', at('bad.json'));
    expect(said).toContain('1 of 5 images failed');
    expect(said).toContain(`p0002.png: `);
    expect(JSON.parse(await readFile(at('failing/failed.jsonl'), 'utf8'))).toMatchObject({ level: 'image' });
    expect(await readFile(at('bad.json'), 'utf8')).toContain('p0002.png');
    expect(await bad('retry', at('failing'))).toContain('1 of 5 images failed');
    await writeFile(broken, content);
    await good('retry', at('failing'));
    await good(...args, at('fine'));
    expect(await contents(at('failing'))).toEqual(await contents(at('fine')));
    expect(await bad('retry', at('failing'))).toMatch(/has no batch to go on with/);
  });

  it('keeps two batches out of one folder', async () => {
    const args = ['batch', 'hash', at('in'), '--out', at('twice'), '--shard', '1'];
    const [one, other] = await Promise.all([fovea(...args), fovea(...args)]);
    // The second one waits for nobody; where the first was done already, it does the same again.
    expect([one!.code, other!.code]).toContain(0);
    if (one!.code !== other!.code)
      expect(`${one!.stderr}${other!.stderr}`).toMatch(/another batch \(process \d+\)/);
    expect(Object.keys(await contents(at('twice'))).sort()).toEqual(['hashes.csv', 'hashes.json']);
  });

  it('says in one line what cannot be', async () => {
    const args = ['batch', 'detect', model, at('in'), '--out', at('x')];
    expect(await bad('batch', 'detect', at('no.safetensors'), at('in'), '--out', at('x'))).toMatch(
      /no\.safetensors/,
    );
    expect(await bad(...args, '--save-conf')).toMatch(/--save-conf is for --format yolo/);
    expect(await bad(...args, '--format', 'panoptic')).toMatch(/finds objects alone/);
    expect(await bad(...args, '--workers', '0')).toMatch(/--workers 0 is for --queue/);
    expect(await bad('batch', 'classify', model, at('in'), '--out', at('x'))).toMatch(/is no classifier/);
    expect(await bad('batch', 'detect', model, at('in'), '--out', at('in'))).toMatch(
      /is in the folder of --out/,
    );
    expect(await bad('batch', 'detect', model, at('in'), '--out', 'gs://bucket/x')).toMatch(
      /not addresses of the kind gs:/,
    );
  });

  // Node ignores the signal of a file that grows too large, so that it is an error as of a full disk.
  it.skipIf(process.platform === 'win32')(
    'leaves nothing half-written where the disk is full, and goes on',
    async () => {
      const args = ['batch', 'hash', at('in'), '--hash-size', '64', '--shard', '1', '--out', at('full')];
      const words = [process.execPath, FOVEA, ...args].map((word) => `'${word}'`).join(' ');
      const limited = promisify(execFile)('bash', ['-c', `ulimit -f 16; exec ${words}`]);
      const { code, stderr } = await limited.then(
        () => ({ code: 0, stderr: '' }),
        (error) => error,
      );
      expect(code, stderr).toBe(2);
      expect(messages(stderr).at(-1)).toMatch(/hashes\.json: cannot be written/);
      expect((await readdir(at('full'))).filter((name) => name !== 'batch.lock')).toEqual(['.fovea-batch']);
      await good(...args);
      expect(await readdir(at('full'))).toEqual(['hashes.csv', 'hashes.json']);
    },
  );

  it('leaves nothing where nothing could be computed', async () => {
    await writeFile(at('file'), '');
    expect(await bad('batch', 'hash', at('in'), '--out', at('file/below'))).toMatch(
      /cannot be used as a folder/,
    );
    expect(await bad('batch', 'detect', model, at('in'), '--out', at('x'), '--format', 'masks')).toMatch(
      /boxes, not masks/,
    );
    expect(await readdir(at('x'))).toEqual([]);
  });
});
