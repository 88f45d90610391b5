import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { UNet } from '../../src/models/unet.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights, twoScene, writeScene } from '../tasks/scenes.ts';
import { buildCli, startFovea } from './run.ts';

let folder: string;
let model: string;
const IMAGES = 40;
const COINS = path.join(import.meta.dirname, '../../examples/coins');
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'fovea-signals-'));
  await buildCli();
  for (let i = 0; i < IMAGES; i++)
    await writeScene(path.join(folder, 'data'), { ...twoScene(32), name: `i${i}` });
  model = path.join(folder, 'unet.safetensors');
  const unet = new UNet({ width: 4, numClasses: 3, seed: 0 });
  const preprocessing = { maxSide: 64 };
  const trained = { name: 'unet', model: unet, classNames: ['ball', 'crate'], preprocessing } as const;
  await saveWeights(model, initialWeights(unet), metadataOf(trained));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** Starts a command, and sends a signal once it has said what matches. */
async function signalled(args: readonly string[], said: RegExp, signal: NodeJS.Signals) {
  const { child, ended } = startFovea(args);
  let text = '';
  let sent = false;
  const listen = (chunk: Buffer) => {
    text += chunk.toString();
    if (!sent && said.test(text)) sent = child.kill(signal);
  };
  child.stdout!.on('data', listen);
  child.stderr!.on('data', listen);
  return ended;
}

const ADAPTER = /adapter: |ADAPTER: /;
const CODES = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const SIGNALS = Object.keys(CODES) as (keyof typeof CODES)[];

describe.skipIf(process.platform === 'win32').each(SIGNALS)('%s', (signal) => {
  const into = () => path.join(folder, signal);
  const commands: [string, () => string[], RegExp][] = [
    ['verify', () => ['verify'], /ok /],
    [
      'segment',
      () => {
        const images = Array.from({ length: IMAGES }, (_, i) => path.join(folder, 'data', `i${i}.png`));
        return ['segment', model, ...images, '--out', into()];
      },
      /i1\.png: /,
    ],
    [
      'eval',
      () => ['eval', model, '--data', path.join(folder, 'data'), '--json', path.join(into(), 'e.json')],
      ADAPTER,
    ],
    ['demo', () => ['demo', '--out', into()], /detector: compiling/],
    [
      'train, before its first step',
      () => ['train', '--model', 'retinanet', '--data', COINS, '--out', path.join(into(), 'm.safetensors')],
      /compiling/,
    ],
  ];
  // All of them take SIGTERM; the other signals, one without a handler and one with.
  it.each(
    commands.filter(([name]) => signal === 'SIGTERM' || /segment|train/.test(name)),
  )('ends fovea %s, which leaves nothing half-written', async (_, args, said) => {
    const { code, signal: by, stdout, stderr } = await signalled(args(), said, signal);
    // The signal itself ends what has nothing to save.
    expect(by ?? code, stderr).toBe(by ? signal : CODES[signal]);
    expect(stdout + stderr).not.toMatch(/\bat .*:\d+:\d+|Error/);
    const left = existsSync(into()) ? await readdir(into()) : [];
    // What a process was writing when it was killed has a name of its own.
    for (const name of left)
      expect(name).toMatch(/^(i\d+(_drawn\.png|\.json)|\.i\d+\.\w+\.[-0-9a-f]+\.tmp)$/);
    // Each image has its annotation first.
    const [png, json] = ['.png', '.json'].map(
      (end) => left.filter((name) => /^i/.test(name) && name.endsWith(end)).length,
    );
    expect(json! - png!).toBeGreaterThanOrEqual(0);
    expect(json! - png!).toBeLessThanOrEqual(1);
    await rm(into(), { recursive: true, force: true });
  });
});

// Work of seconds is in flight then, which the end of the process must not trip over: a step of so many crops takes far longer than a
// training waits for one that is to be its last.
it.skipIf(process.platform === 'win32')(
  'ends fovea train in a step that takes long, without a crash',
  async () => {
    const out = path.join(folder, 'step');
    const args = ['train', '--model', 'retinanet', '--data', COINS, '--batch', '192', '--steps', '9'];
    const {
      code,
      signal: by,
      stderr,
    } = await signalled([...args, '--out', path.join(out, 'm.safetensors')], /step 1\/9/, 'SIGTERM');
    expect(by, `${code} ${stderr}`).toBe('SIGTERM');
    expect(stderr).toMatch(/^stopped before the next step was done: there was no checkpoint yet/m);
    expect(await readdir(out)).toEqual([]);
  },
);
