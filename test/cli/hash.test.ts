import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadPixels } from '../../cli/src/pixelBytes.ts';
import { colorMomentHash, imageHashes } from '../../src/similarity/index.ts';
import { foveaHere } from './here.ts';

const PIXELS = path.join(import.meta.dirname, '../fixtures/pixels');
let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);

beforeAll(async () => {
  folder = mkdtempSync(path.join(tmpdir(), 'fovea-hash-'));
  mkdirSync(at('set/below'), { recursive: true });
  for (const file of ['rgb.png', 'grey.jpg', 'turned6.jpg'])
    copyFileSync(path.join(PIXELS, file), at('set', file));
  copyFileSync(path.join(PIXELS, 'palette.gif'), at('set/below/a,b.gif'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

type Row = Readonly<Record<string, string>>;
const rowsIn = (file: string): Row[] => JSON.parse(readFileSync(file, 'utf8')) as Row[];

it('prints the hashes of images, and writes them as JSON and CSV', async () => {
  const { code, stdout, stderr } = await foveaHere(
    ...['hash', at('set'), '--recursive', '--json', at('out/hashes.json'), '--csv', at('out/hashes.csv')],
  );
  expect([code, stderr]).toEqual([0, '']);
  const rows = rowsIn(at('out/hashes.json'));
  expect(rows.map(({ file }) => file)).toEqual(
    ['grey.jpg', 'rgb.png', 'turned6.jpg', 'below/a,b.gif'].map((file) => at('set', file)),
  );
  for (const { file, ...hashes } of rows) {
    expect(hashes).toEqual(JSON.parse(JSON.stringify(imageHashes(await loadPixels(file!)))));
  }
  expect(stdout.split('\n')[0]).toBe(
    `${rows[0]!.file}: aHash ${rows[0]!.aHash}, dHash ${rows[0]!.dHash}, pHash ${rows[0]!.pHash}, wHash ${rows[0]!.wHash}`,
  );
  const lines = readFileSync(at('out/hashes.csv'), 'utf8').trimEnd().split('\n');
  expect(lines[0]).toBe('file,aHash,dHash,pHash,wHash');
  expect(lines[4]).toBe(`"${Object.values(rows[3]!).join(',').replace('a,b.gif', 'a,b.gif"')}`);
});

it('computes those that are asked for, of other sizes, of images as they are shown', async () => {
  const json = at('some.json');
  const { code } = await foveaHere(
    ...['hash', at('set/turned6.jpg'), '--hashes', 'dHashVertical,pHash', '--hash-size', '5', '--json', json],
    '--orient',
  );
  expect(code).toBe(0);
  const image = await loadPixels(at('set/turned6.jpg'), { orient: true });
  const hashes = imageHashes(image, { hashes: ['dHashVertical', 'pHash'], hashSize: 5 });
  expect(rowsIn(json)).toEqual([
    { file: at('set/turned6.jpg'), ...(JSON.parse(JSON.stringify(hashes)) as Row) },
  ]);
});

it("has OpenCV's hashes as columns, moments as numbers", async () => {
  const [json, csv] = [at('opencv.json'), at('opencv.csv')];
  const { code, stdout } = await foveaHere(
    ...['hash', at('set/rgb.png'), '--hashes', 'colorMomentHash,blockMeanHash', '--json', json, '--csv', csv],
  );
  expect(code).toBe(0);
  const image = await loadPixels(at('set/rgb.png'));
  const { blockMeanHash } = imageHashes(image, { hashes: ['blockMeanHash'] });
  const moments = [...colorMomentHash(image)];
  expect(rowsIn(json)).toEqual([
    { file: at('set/rgb.png'), colorMomentHash: moments, blockMeanHash: blockMeanHash.toString() },
  ]);
  const line = `${moments.join(' ')},${blockMeanHash}`;
  expect(readFileSync(csv, 'utf8')).toBe(
    `file,colorMomentHash,blockMeanHash\n${at('set/rgb.png')},${line}\n`,
  );
  expect(stdout).toContain(`colorMomentHash ${moments[0]} `);
});

it('goes on after an image that cannot be read, and says so', async () => {
  mkdirSync(at('bad'));
  copyFileSync(path.join(PIXELS, 'rgb.png'), at('bad/c.png'));
  writeFileSync(at('bad/a.png'), 'no image');
  const { code, stdout, stderr } = await foveaHere(
    ...['hash', at('bad'), at('missing.png'), '--json', at('bad.json'), '--report-bad', at('faults.json')],
  );
  expect(code).toBe(2);
  expect(stdout).toContain(`${at('bad/c.png')}: aHash`);
  expect(stderr).toContain(`failed: ${at('bad/a.png')}: not an image that can be read`);
  expect(stderr).toContain('fovea: 2 of 3 images failed; the first: ');
  expect(rowsIn(at('bad.json')).map(({ file }) => file)).toEqual([at('bad/c.png')]);
  expect(readFileSync(at('faults.json'), 'utf8')).toContain('missing.png');
});

it.each([
  [['--hashes', 'aHash,sha256'], 'give names among aHash, dHash, dHashVertical, pHash, wHash'],
  [['--hash-size', '1'], 'give a whole number from 2 to 256'],
  [
    ['--hash-size', '9'],
    'hash: --hash-size is 9, and wHash takes powers of 2; give one, or leave wHash out (--hashes aHash,dHash,pHash)',
  ],
])('refuses %j', async (options, message) => {
  const { code, stdout, stderr } = await foveaHere('hash', at('set'), ...options);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toContain(message);
});

it('as any command, refuses what is empty before it begins', async () => {
  const option = await foveaHere('hash', at('set'), '--json', '');
  expect([option.code, option.stdout]).toEqual([2, '']);
  expect(option.stderr).toContain('fovea: --json is empty; give a value, or leave it out');
  const argument = await foveaHere('weights', 'show', '');
  expect(argument.stderr).toContain('show: one of the arguments is empty');
});
