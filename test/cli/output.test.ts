import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeError } from '../../cli/src/errors.ts';
import { printable, printableLines } from '../../cli/src/printable.ts';
import { renderReport } from '../../cli/src/report.ts';
import { textTable } from '../../cli/src/textTable.ts';
import { DataError } from '../../src/errors.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { UNet } from '../../src/models/unet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights, twoScene, writeScene } from '../tasks/scenes.ts';
import { buildCli, fovea, messages } from './run.ts';

/** A clear screen, a colour, a bell, C1's CSI, a reversal of text, an isolate, a new line. */
const EVIL = 'a\u001b[2J\u001b[31m\u0007\u009b5m\u202eb\u2066c\nd\u2028e\ud800';
const SAFE = 'a\\u001b[2J\\u001b[31m\\u0007\\u009b5m\\u202eb\\u2066c\\nd\\u2028e\\ud800';
// biome-ignore lint/suspicious/noControlCharactersInRegex: there must be none
const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/;

describe('what is printed', () => {
  it('has control characters and marks of direction escaped as JSON.stringify does', () => {
    expect(printable(EVIL)).toBe(SAFE);
    const controls = Array.from({ length: 32 }, (_, code) => String.fromCharCode(code)).join('');
    expect(printable(controls)).toBe(JSON.stringify(controls).slice(1, -1));
    expect(printableLines('a\nb\r\u001b')).toBe('a\nb\\r\\u001b');
    const fine = 'Größe 猫 👩‍🚀 "C:\\Daten" <b>';
    expect(printable(fine)).toBe(fine);
  });

  it('is so in errors, tables and reports', () => {
    const { text } = describeError(new DataError(`${EVIL}.png: broken\n  copy it`));
    expect(text).toBe(`fovea: ${SAFE.replace('\\n', ' ')}.png: broken copy it`);
    expect(describeError(new TypeError(EVIL)).text).not.toMatch(UNSAFE);
    const table = { title: 't', header: ['class', 'n'], rows: [[EVIL, 3]] };
    expect(textTable(table)).toContain(SAFE);
    const html = renderReport({
      title: EVIL,
      runs: [
        {
          name: EVIL,
          task: 'detection',
          metrics: { AP: 0.5 },
          steps: [1, 2].map((step) => ({ step, losses: { [EVIL]: 1 / step }, lr: 0.1 })),
          tables: [table],
        },
      ],
      timings: [],
      versions: {},
    });
    expect(html).not.toMatch(UNSAFE);
    expect(html).toContain('\\u202e');
  });
});

describe.skipIf(!existsSync('/dev/full'))('output that cannot be written', () => {
  let folder: string;
  let model: string;
  const image = () => path.join(folder, 'data', 'two.png');
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'fovea-output-'));
    await buildCli();
    await writeScene(path.join(folder, 'data'), twoScene(32));
    model = path.join(folder, 'unet.safetensors');
    const unet = new UNet({ width: 4, numClasses: 2, seed: 0 });
    const trained = {
      name: 'unet',
      model: unet,
      classNames: [EVIL],
      preprocessing: { maxSide: 64 },
    } as const;
    await saveWeights(model, initialWeights(unet), metadataOf(trained));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  const commands = (): Record<string, string[]> => ({
    help: ['--help'],
    info: ['info'],
    segment: ['segment', model, image(), '--out', path.join(folder, 'out')],
    anchors: ['anchors', path.join(import.meta.dirname, '../../examples/coins')],
    verify: ['verify', '--op', 'box_iou'],
    eval: ['eval', 'missing.safetensors', '--data', folder],
  });

  /** Runs a command with these files as its output; the text that goes to a pipe comes back. */
  async function run(args: string[], full: readonly ('stdout' | 'stderr')[]) {
    const handle = await open('/dev/full', 'w');
    try {
      const of = (name: 'stdout' | 'stderr') => (full.includes(name) ? handle.fd : ('pipe' as const));
      const bin = path.join(import.meta.dirname, '../../cli/bin/fovea.mjs');
      const { FOVEA_DEBUG: _, ...env } = process.env;
      const child = spawn(process.execPath, [bin, ...args], {
        env,
        stdio: ['ignore', of('stdout'), of('stderr')],
      });
      let text = '';
      for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (text += chunk));
      const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
      return { code, text };
    } finally {
      await handle.close();
    }
  }

  it('to a full disk is one line and exit code 2', async () => {
    for (const [name, args] of Object.entries(commands())) {
      if (name === 'eval') continue;
      const { code, text } = await run(args, ['stdout']);
      expect(code, `${name}: ${text}`).toBe(2);
      expect(messages(text).at(-1), name).toBe(
        'fovea: standard output: cannot be written (no space left on the disk); give it another place',
      );
      expect(text, name).not.toMatch(/\bat .*:\d+:\d+/);
    }
  });

  it('of errors, or of both, ends with 2 and without a stack', async () => {
    for (const [name, args] of Object.entries(commands())) {
      const { code } = await run(args, ['stdout', 'stderr']);
      expect(code, name).toBe(2);
    }
    const failing = await run(commands().eval!, ['stderr']);
    expect(failing).toEqual({ code: 2, text: '' });
  });

  it('of a conversion leaves the whole data set or nothing', async () => {
    const data = path.join(folder, 'noted');
    await mkdir(data);
    const points = [
      [1, 1],
      [9, 9],
    ];
    // An object that is there twice is noted on stderr.
    const shapes = Array(2).fill({ label: 'a', points, shape_type: 'rectangle' });
    for (let i = 0; i < 20; i++) {
      await copyFile(image(), path.join(data, `${i}.png`));
      await writeFile(path.join(data, `${i}.json`), JSON.stringify({ shapes, imagePath: `${i}.png` }));
    }
    const place = path.join(folder, 'place');
    for (const full of [['stderr'], ['stdout'], ['stdout', 'stderr']] as const) {
      const to = path.join(place, full.join('-'));
      const { code } = await run(['convert', data, to, '--format', 'coco'], full);
      expect(code, full.join()).toBe(2);
      for (const name of await readdir(place)) {
        expect(name).not.toMatch(/^\./);
        expect(existsSync(path.join(place, name, 'annotations.json'))).toBe(true);
      }
    }
  });

  it('to a reader that is gone ends quietly', async () => {
    for (const [name, args] of Object.entries(commands())) {
      if (name === 'eval') continue;
      const bin = path.join(import.meta.dirname, '../../cli/bin/fovea.mjs');
      // Both outputs go to a pipe whose reader takes one line, or none.
      for (const reader of ['head -1 >/dev/null', 'true']) {
        const child = spawn(
          'bash',
          [
            '-c',
            `set -o pipefail; "$0" "$@" 2>&1 | ${reader}; echo "\${PIPESTATUS[0]}"`,
            process.execPath,
            bin,
            ...args,
          ],
          { stdio: ['ignore', 'pipe', 'pipe'] },
        );
        let text = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (text += chunk));
        await new Promise((resolve) => child.on('close', resolve));
        expect(text, name).toBe('0\n');
      }
    }
  });

  it('has the labels of a model escaped, wherever they are shown', async () => {
    const { code, stdout, stderr } = await fovea(
      'segment',
      model,
      image(),
      '--out',
      path.join(folder, 'out'),
    );
    expect(code, stderr).toBe(0);
    expect(stdout + stderr).not.toMatch(UNSAFE);
    const wrong = await fovea('segment', model, image(), '--out', folder, `--\u001b[31m`);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('\\u001b[31m')]);
    expect(wrong.stderr).not.toMatch(UNSAFE);
    const json = JSON.parse(await readFile(path.join(folder, 'out', 'two.json'), 'utf8'));
    expect(json.imagePath).toContain('two.png');
  });
});
