import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { expect, it } from 'vitest';
import { at, dedupe, eachInItsFolder, filesIn } from './dedupeFolder.ts';
import { fovea } from './run.ts';

eachInItsFolder();

/** An image of waves, another one for each seed; of seeds that are near to each other they look alike. */
function waves(seed: number, width = 96, height = 64): Sharp {
  const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => {
    const [x, y] = [(Math.floor(i / 3) % width) / width, Math.floor(i / (3 * width)) / height];
    let value = 127;
    for (let k = 1; k < 7; k++) {
      value += (70 / k) * Math.sin(seed * k * k + k * (4 * x + 3 * y * Math.cos(k + seed)) + (i % 3));
    }
    return Math.max(0, Math.min(255, value));
  });
  return sharp(data, { raw: { width, height, channels: 3 } });
}

async function put(file: string, image: Sharp): Promise<void> {
  mkdirSync(path.dirname(at(file)), { recursive: true });
  await image.toFile(at(file));
}

function copy(from: string, to: string): void {
  mkdirSync(path.dirname(at(to)), { recursive: true });
  copyFileSync(at(from), at(to));
}

interface Row {
  readonly file: string;
  readonly reason?: string;
  readonly duplicateOf?: string;
  readonly sameBytesAs?: string | null;
  readonly distance?: number;
  readonly hardLinks?: string[];
}
interface Found {
  readonly images: number;
  readonly groups: { kept: Row[]; duplicates: Row[] }[];
  readonly symbolicLinks: string[];
  readonly unreadable: Row[];
}
const foundIn = (out: string): Found => JSON.parse(readFileSync(at(out, 'duplicates.json'), 'utf8')) as Found;

/** A folder with copies, a smaller JPEG, an image that is turned, links and other images. */
async function fill(): Promise<void> {
  await put('set/a.png', waves(1));
  copy('set/a.png', 'set/b.png');
  copy('set/a.png', 'set/below/döp 写.png');
  await put('set/small.jpg', waves(1).resize(48, 32).jpeg({ quality: 60 }));
  await put('set/turned.png', waves(1).rotate(90));
  await put('set/other.png', waves(2));
  linkSync(at('set/other.png'), at('set/other2.png'));
  symlinkSync('a.png', at('set/symbolic.png'));
}

it('knows its folder by any name, and does not look for images in it', async () => {
  await put('set/a.png', waves(1));
  copy('set/a.png', 'set/below/b.png');
  symlinkSync('set', at('link'));
  await dedupe({ action: 'move', recursive: true, out: at('set', 'gone') }, 'link');
  expect(existsSync(at('set', 'gone', 'below', 'b.png'))).toBe(true);
  for (const [given, out] of [
    ['link', at('set', 'gone')],
    ['set', at('link', 'gone')],
  ] as const) {
    expect(await dedupe({ recursive: true, out }, given)).toContain('1 image, no duplicates');
  }
});

it('leaves the page of an earlier run where no image can be read', async () => {
  await put('set/a.png', waves(1));
  copy('set/a.png', 'set/b.png');
  await dedupe({}, 'set');
  const before = filesIn('out').map((file) => readFileSync(at('out', file), 'utf8'));
  const run = dedupe({ reportBad: at('bad.json') }, 'sett');
  await expect(run).rejects.toThrow(/sett: cannot read the image .*check the path/);
  expect(filesIn('out').map((file) => readFileSync(at('out', file), 'utf8'))).toEqual(before);
  expect(readFileSync(at('bad.json'), 'utf8')).toContain('sett');
  await expect(dedupe({ out: at('new') }, 'sett')).rejects.toThrow(/check the path/);
  expect(existsSync(at('new', 'duplicates.html'))).toBe(false);
});

it('finds copies and images that look alike, and touches none', async () => {
  await fill();
  writeFileSync(at('set/bad.png'), readFileSync(at('set/a.png')).subarray(0, 200));
  const before = filesIn('set');
  const { code, stdout, stderr } = await fovea(
    ...['dedupe', at('set'), '--recursive', '--out', at('out'), '--report-bad', at('bad.json')],
  );
  expect(code).toBe(2);
  expect(stderr).toMatch(/^failed: .*bad\.png: truncated or damaged PNG/);
  expect(filesIn('set')).toEqual(before);
  expect(filesIn('out')).toEqual(['duplicates.html', 'duplicates.json']);
  const { images, groups, symbolicLinks, unreadable } = foundIn('out');
  expect(images).toBe(6);
  expect(symbolicLinks).toEqual([at('set/symbolic.png')]);
  expect(unreadable.map(({ file }) => file)).toEqual([at('set/bad.png')]);
  expect(readFileSync(at('bad.json'), 'utf8')).toContain('bad.png');
  expect(groups).toHaveLength(1);
  const [{ kept, duplicates }] = groups as [Found['groups'][number]];
  expect(kept).toMatchObject([{ file: at('set/a.png'), reason: 'most pixels', width: 96, height: 64 }]);
  expect(duplicates.map(({ file, sameBytesAs }) => [path.basename(file), sameBytesAs])).toEqual([
    ['b.png', at('set/a.png')],
    ['döp 写.png', at('set/a.png')],
    ['small.jpg', null],
  ]);
  for (const { duplicateOf, distance } of duplicates) {
    expect(duplicateOf).toBe(at('set/a.png'));
    expect(distance).toBeLessThanOrEqual(4);
  }
  expect(stdout.split('\n')[0]).toMatch(
    /^kept .*a\.png: .*b\.png \(same bytes\), .*small\.jpg \(distance \d\)$/,
  );
  expect(stdout).toContain('6 images, 3 duplicates in 1 group (');
  const page = readFileSync(at('out/duplicates.html'), 'utf8');
  expect(page).toContain('kept, most pixels: ');
  expect(page.match(/<img /g)).toHaveLength(4);
});

it('refuses a distance within which all images are', async () => {
  await fill();
  for (const [distance, hash, bits] of [
    [64, 'pHash', 64],
    [300, 'blockMeanHash', 256],
  ] as const) {
    await expect(dedupe({ distance, hash, action: 'move' }, 'set')).rejects.toThrow(
      `--distance ${distance}: of ${hash} all images are within its ${bits} bits; give fewer`,
    );
  }
  expect(await dedupe({ distance: 200, hash: 'blockMeanHash1' }, 'set')).toContain('6 images');
});

it('moves all but the kept ones, and then finds none', async () => {
  await fill();
  const text = await dedupe({ action: 'move' }, 'set');
  expect(text).toContain('moved 3 files to');
  expect(filesIn('set')).toEqual(['a.png', 'other.png', 'other2.png', 'symbolic.png', 'turned.png']);
  const moved = filesIn('out').filter((file) => !/^(duplicates|moved)/.test(file));
  expect(moved).toEqual(['b.png', 'below/döp 写.png', 'small.jpg']);
  const record = filesIn('out').find((file) => file.startsWith('moved-'))!;
  expect(JSON.parse(readFileSync(at('out', record), 'utf8'))).toMatchObject({
    steps: [
      { file: at('set/b.png'), to: at('out/b.png'), kept: at('set/a.png') },
      { file: at('set/below/döp 写.png') },
      { file: at('set/small.jpg') },
    ],
  });
  expect(await dedupe({ action: 'move' }, 'set')).toContain('3 images, no duplicates');
  expect(filesIn('out')).toContain('b.png');
});

it('replaces copies by hard links, and leaves what looks alike', async () => {
  await fill();
  const small = readFileSync(at('set/small.jpg'));
  expect(await dedupe({ action: 'link' }, 'set')).toContain('1 that looks alike is another image, and stays');
  const inode = (file: string): number => lstatSync(at('set', file)).ino;
  expect([inode('b.png'), inode('below/döp 写.png')]).toEqual([inode('a.png'), inode('a.png')]);
  expect(lstatSync(at('set/symbolic.png')).isSymbolicLink()).toBe(true);
  expect(readFileSync(at('set/small.jpg')).equals(small)).toBe(true);
  const { groups, images } = await dedupe({}, 'set').then(() => foundIn('out'));
  expect(images).toBe(4);
  expect(groups[0]!.kept[0]!.hardLinks).toEqual([at('set/b.png'), at('set/below/döp 写.png')]);
  expect(groups[0]!.duplicates).toHaveLength(1);
});

it('links copies of a smaller image to each other, not to the larger one', async () => {
  await put('set/large.png', waves(3, 192, 128));
  await put('set/x.png', waves(3));
  copy('set/x.png', 'set/y.png');
  await dedupe({ action: 'link' }, 'set');
  expect(lstatSync(at('set/x.png')).ino).toBe(lstatSync(at('set/y.png')).ino);
  expect(lstatSync(at('set/large.png')).nlink).toBe(1);
});

it('keeps what is near a duplicate, but not near the kept image', async () => {
  // Neighbours differ in up to 6 bits, the first and the last in 22.
  for (let i = 0; i < 8; i++) await put(`set/${i}.png`, waves(1 + i / 100));
  await dedupe({ distance: 6 }, 'set');
  const [group, ...others] = foundIn('out').groups;
  expect(others).toEqual([]);
  expect(group!.kept.length).toBeGreaterThan(1);
  expect(group!.kept.slice(1).map(({ reason }) => reason)).toContain('like none that is kept');
  expect(group!.kept.length + group!.duplicates.length).toBe(8);
  const kept = group!.kept.map(({ file }) => file);
  for (const { distance, duplicateOf } of group!.duplicates) {
    expect(distance).toBeLessThanOrEqual(6);
    expect(kept).toContain(duplicateOf);
  }
});

it('does not take images of one colour for the same', async () => {
  for (const [name, background] of [
    ['white', '#fff'],
    ['black', '#000'],
    ['grey', '#777'],
  ] as const) {
    await put(`set/${name}.png`, sharp({ create: { width: 40, height: 30, channels: 3, background } }));
  }
  copy('set/white.png', 'set/white2.png');
  const text = await dedupe({ action: 'move' }, 'set');
  expect(text).toContain('1 of the same bytes');
  expect(filesIn('set')).toEqual(['black.png', 'grey.png', 'white.png']);
});

it('takes an image for itself where it is given by two paths', async () => {
  await put('set/a.png', waves(1));
  await put('set/b.png', waves(2));
  symlinkSync('set', at('again'));
  expect(await dedupe({ action: 'move' }, 'set', 'again')).toContain('2 images, no duplicates');
  expect(filesIn('set')).toEqual(['a.png', 'b.png']);
});

it('keeps folders apart where several are given', async () => {
  await put('set/one/a.png', waves(1));
  copy('set/one/a.png', 'set/two/a.png');
  await dedupe({ action: 'move' }, 'set/one', 'set/two');
  expect(filesIn('out').filter((file) => file.endsWith('.png'))).toEqual(['two/a.png']);
});

it('overwrites nothing', async () => {
  await fill();
  mkdirSync(at('out/below'), { recursive: true });
  writeFileSync(at('out/below/döp 写.png'), 'mine');
  const before = filesIn('set');
  await expect(dedupe({ action: 'move' }, 'set')).rejects.toThrow(
    /is there already, and nothing is overwritten/,
  );
  expect(filesIn('set')).toEqual(before);
  expect(readFileSync(at('out/below/döp 写.png'), 'utf8')).toBe('mine');
  symlinkSync('set', at('there'));
  await expect(dedupe({ action: 'move', out: at('there') }, 'set')).rejects.toThrow(
    /is a folder of the images/,
  );
});
