import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import path from 'node:path';
import sharp, { type Sharp } from 'sharp';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { dedupeCommand } from '../../cli/src/commands/dedupe.ts';
import { carryOut } from '../../cli/src/dedupe/carryOut.ts';
import { type Plan, writePlan } from '../../cli/src/dedupe/plan.ts';
import { buildCli, fovea } from './run.ts';

/** Calls that change the disk, and after how many of them the process is "killed": from then on each of them throws. */
const disk = vi.hoisted(() => ({ calls: 0, most: Number.POSITIVE_INFINITY, after: false, noLinks: false }));
vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  const names = ['link', 'unlink', 'rename', 'copyFile', 'rm', 'utimes'] as const;
  const killing =
    (name: (typeof names)[number]) =>
    async (...args: unknown[]): Promise<unknown> => {
      const dies = disk.calls++ >= disk.most;
      if (dies && (!disk.after || disk.calls > disk.most + 1)) throw new Error('killed');
      if (name === 'link' && disk.noLinks) throw Object.assign(new Error('EXDEV'), { code: 'EXDEV' });
      const result = await (real[name] as (...all: unknown[]) => Promise<unknown>)(...args);
      if (dies) throw new Error('killed');
      return result;
    };
  return { ...real, ...Object.fromEntries(names.map((name) => [name, killing(name)])) };
});

let root: string;
let folder: string;
const at = (...names: string[]): string => path.join(folder, ...names);

beforeAll(async () => {
  await buildCli();
  root = mkdtempSync(path.join(tmpdir(), 'fovea-dedupe-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(path.join(root, 'case-'));
  Object.assign(disk, { calls: 0, most: Number.POSITIVE_INFINITY, after: false, noLinks: false });
});
afterEach(() => vi.restoreAllMocks());

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

/** The files in a folder, below it too, with slashes. */
const filesIn = (name: string): string[] =>
  (readdirSync(at(name), { recursive: true, withFileTypes: true }) as import('node:fs').Dirent[])
    .filter((entry) => !entry.isDirectory())
    .map((entry) =>
      path.relative(at(name), path.join(entry.parentPath, entry.name)).split(path.sep).join('/'),
    )
    .sort();

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

/** Runs the command in this process, and returns what it prints. */
async function dedupe(options: Parameters<typeof dedupeCommand>[1], ...given: string[]): Promise<string> {
  let text = '';
  await dedupeCommand(
    given.map((one) => at(one)),
    { recursive: true, out: at('out'), ...options },
    { write: (part) => (text += part) },
  );
  return text;
}

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
  expect(stdout.split('\n')[0]).toMatch(/a\.png: .*b\.png \(same bytes\), .*small\.jpg \(distance \d\)$/);
  expect(stdout).toContain('6 images, 3 duplicates in 1 group (');
  const page = readFileSync(at('out/duplicates.html'), 'utf8');
  expect(page).toContain('kept, most pixels: ');
  expect(page.match(/<img /g)).toHaveLength(4);
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

const sha256 = (file: string): string => createHash('sha256').update(readFileSync(file)).digest('hex');

/** A plan for two duplicates, and the files that it is for. */
function planned(action: 'move' | 'link'): Plan {
  const [a, c] = [at('set/a.png'), at('set/c.png')];
  for (const [kept, file] of [
    ['a', 'b.png'],
    ['c', 'below/d.png'],
  ] as const) {
    mkdirSync(path.dirname(at('set', file)), { recursive: true });
    for (const name of [`${kept}.png`, file]) writeFileSync(at('set', name), `the bytes of ${kept}`);
  }
  const step = (file: string, kept: string) => ({
    file: at('set', file),
    ...(action === 'move' ? { to: at('out', file) } : {}),
    sha256: sha256(kept),
    kept,
    keptSha256: sha256(kept),
  });
  return {
    version: 1,
    created: '2026-01-02T03:04:05.678Z',
    settings: { action, images: [at('set')], recursive: true, hash: 'pHash', distance: 4 },
    steps: [step('b.png', a), step('below/d.png', c)],
  };
}

it.each([
  ['move', false, 4],
  ['move', true, 14],
  ['link', false, 6],
] as const)('goes on after a kill at any call to the disk (%s, other disk: %s)', async (action, noLinks, calls) => {
  disk.noLinks = noLinks;
  let kills = 0;
  for (let call = 0; ; call++) {
    for (const after of [false, true]) {
      const plan = planned(action);
      Object.assign(disk, { calls: 0, most: call, after });
      const died = await carryOut(plan, () => true).then(
        () => false,
        (error: Error) => error.message === 'killed',
      );
      disk.most = Number.POSITIVE_INFINITY;
      // At any time each image is there, whole, under its name or where it goes.
      for (const { file, to, sha256: own, kept } of plan.steps) {
        const there = [file, to ?? file].filter((place) => existsSync(place));
        expect(there.map(sha256)).toContain(own);
        expect(sha256(kept)).toBe(own);
      }
      if (died) {
        kills++;
        expect(await carryOut(plan, () => true)).toEqual([]);
      }
      const names = ['a.png', 'b.png', 'below/d.png', 'c.png'];
      if (action === 'move') {
        expect(filesIn('set')).toEqual(['a.png', 'c.png']);
        expect(filesIn('out')).toEqual(['b.png', 'below/d.png']);
      } else {
        expect(filesIn('set')).toEqual(names);
        for (const { file, kept } of plan.steps) expect(lstatSync(file).ino).toBe(lstatSync(kept).ino);
      }
      // And once more is no harm.
      expect(await carryOut(plan, () => true)).toEqual([]);
      for (const name of ['set', 'out']) rmSync(at(name), { recursive: true, force: true });
      if (!died && after) {
        expect(kills).toBe(2 * calls);
        return;
      }
    }
  }
});

it.each([
  ['the duplicate was changed', 'set/b.png', /set\/b\.png has changed/],
  ['the kept image was changed', 'set/a.png', /set\/a\.png has changed/],
  ['something else is where it goes', 'out/b.png', /out\/b\.png is there already/],
])('leaves alone an image where %s', async (_, file, message) => {
  const plan = planned('move');
  mkdirSync(at('out'));
  writeFileSync(at(file), 'other');
  const problems = await carryOut(plan, () => true);
  expect(problems).toEqual([{ file: at('set/b.png'), message: expect.stringMatching(message) }]);
  expect(readFileSync(at(file), 'utf8')).toBe('other');
  expect(filesIn('set')).toEqual(['a.png', 'b.png', 'c.png']);
});

it('does not take a file for its own copy where one folder has two paths', async () => {
  const { steps, ...plan } = planned('move');
  symlinkSync('set', at('out'));
  const problems = await carryOut({ ...plan, steps }, () => true);
  expect(problems!.map(({ message }) => message)).toEqual([
    expect.stringContaining('out/b.png is the file itself'),
    expect.stringContaining('out/below/d.png is the file itself'),
  ]);
  expect(filesIn('set')).toEqual(['a.png', 'b.png', 'below/d.png', 'c.png']);
});

it('finishes a plan with the same options only', async () => {
  const plan = planned('link');
  mkdirSync(at('out'));
  await writePlan(at('out'), plan);
  writeFileSync(at('set/b.png'), 'drawn on');
  await expect(dedupe({ action: 'move' }, 'set')).rejects.toThrow(
    /a run that did not finish \(--action link/,
  );
  await expect(dedupe({ action: 'report' }, 'set')).rejects.toThrow(/a run that did not finish/);
  await expect(dedupe({ action: 'link' }, 'set')).rejects.toThrow(/b\.png has changed/);
  expect(readFileSync(at('set/b.png'), 'utf8')).toBe('drawn on');
  expect(lstatSync(at('set/below/d.png')).ino).toBe(lstatSync(at('set/c.png')).ino);
  expect(filesIn('out')).toEqual(['linked-2026-01-02T03-04-05-678Z.json']);
  writeFileSync(at('out/plan.json'), '{"version": 1}');
  await expect(dedupe({ action: 'link' }, 'set')).rejects.toThrow(/plan\.json: is no plan/);
});

it('finishes what a killed process has begun', async () => {
  const plan = planned('move');
  mkdirSync(at('out'));
  await writePlan(at('out'), plan);
  expect(await carryOut(plan, (done) => done < 1)).toBeUndefined();
  expect(filesIn('set')).toEqual(['a.png', 'below/d.png', 'c.png']);
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(at('out/dedupe.lock'), JSON.stringify({ pid, start: '', host: hostname() }));
  const { code, stdout, stderr } = await fovea(
    ...['dedupe', at('set'), '--recursive', '--action', 'move', '--out', at('out')],
  );
  expect([code, stderr]).toEqual([0, '']);
  expect(stdout).toMatch(/^finishing the plan of 2026-01-02.*\nmoved 2 files to /);
  expect(filesIn('set')).toEqual(['a.png', 'c.png']);
  expect(filesIn('out')).toEqual(['b.png', 'below/d.png', 'moved-2026-01-02T03-04-05-678Z.json']);
});
