/** What tests of batches share: pictures, a model, and workers. */
import type { ChildProcess } from 'node:child_process';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import sharp from 'sharp';
import { expect } from 'vitest';
import { saveWeights } from '../../../src/io/checkpoint.ts';
import { SMALL_RESNET } from '../../../src/models/resnet.ts';
import { RetinaNet } from '../../../src/models/retinanet.ts';
import { metadataOf } from '../../../src/tasks/modelFile.ts';
import { initialWeights } from '../../tasks/scenes.ts';
import { type Ended, fovea, startFovea } from '../run.ts';

const COINS = path.join(import.meta.dirname, '../../../examples/coins/coins.png');

/** Parts of the photograph of coins, each another one. */
export async function makePictures(folder: string, count: number, side = 64): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { width, height } = await sharp(COINS).metadata();
  for (let i = 0; i < count; i++) {
    const [left, top] = [(i * 37) % (width - side), (i * 53) % (height - side)];
    await sharp(COINS)
      .extract({ left, top, width: side, height: side })
      .png()
      .toFile(path.join(folder, `p${String(i).padStart(4, '0')}.png`));
  }
}

/** A detector that nobody trained, and that finds something everywhere. */
export async function makeDetector(file: string): Promise<void> {
  const backbone = { ...SMALL_RESNET, width: 4 };
  const model = new RetinaNet({ numClasses: 1, backbone, pyramidWidth: 8, seed: 1 });
  model.head.classification_head.cls_logits.bias!.state.initial.fill(1);
  const trained = { name: 'retinanet', model, classNames: ['coin'], preprocessing: { maxSide: 64 } } as const;
  await saveWeights(file, initialWeights(model), metadataOf(trained));
}

/** Pictures with labels, of which one is in its annotation, and the file of one ends early. */
export async function makeLabelled(folder: string): Promise<void> {
  const at = (name: string) => path.join(folder, name);
  await makePictures(folder, 7);
  for (let i = 0; i < 7; i++) {
    const png = await readFile(at(`p000${i}.png`));
    const [x, y] = [4 + 5 * i, 40 - 4 * i];
    const points = [
      [x, y],
      [x + 20, y],
      [x + 20, y + 18],
      [x, y + 18],
    ];
    const annotation = {
      ...{ version: '5.1.1', flags: {}, imageHeight: 64, imageWidth: 64, imagePath: `p000${i}.png` },
      imageData: i === 5 ? png.toString('base64') : null,
      shapes: [{ label: 'coin', points, group_id: null, shape_type: 'polygon', flags: {} }],
    };
    await writeFile(at(`p000${i}.json`), JSON.stringify(annotation));
    if (i === 3) await writeFile(at('p0003.png'), png.subarray(0, 0.6 * png.length));
    if (i === 5) await rm(at('p0005.png'));
  }
}

/** All files below a folder with their bytes, by their names. */
export async function contents(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort();
  const read = async (file: string) => [
    path.relative(folder, file),
    (await readFile(file)).toString('base64'),
  ];
  return Object.fromEntries(await Promise.all(names.map(read)));
}

/** The final files of a batch of which a bad picture is the only one that fails. */
export async function filesWithout(
  bad: string,
  out: string,
  ...args: readonly string[]
): Promise<Record<string, string>> {
  const { code, stderr } = await fovea('batch', ...args);
  expect(code, stderr).toBe(2);
  const failed = (await readFile(path.join(out, 'failed.jsonl'), 'utf8')).trim().split('\n');
  expect(failed).toHaveLength(1);
  expect(failed[0]).toContain(bad);
  const found = await contents(out);
  return Object.fromEntries(
    Object.entries(found).filter(([name]) => name !== 'failed.jsonl' && !name.startsWith('.fovea-batch')),
  );
}

/** All that run, for the end of this process. */
const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A `fovea worker`, and what it logged. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #lines: Record<string, unknown>[] = [];

  /** With further variables of the environment, where they are the first argument. */
  constructor(...args: readonly (string | Readonly<Record<string, string>>)[]) {
    const variables = args.filter((arg) => typeof arg !== 'string');
    const words = args.filter((arg) => typeof arg === 'string');
    const { child, ended } = startFovea(['worker', ...words], variables[0]);
    this.child = child;
    this.ended = ended;
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk.toString();
      const lines = text.split('\n');
      text = lines.pop()!;
      for (const line of lines) this.#lines.push(JSON.parse(line));
    });
    running.add(child);
    void ended.then(() => running.delete(child));
  }

  /** The lines of an event so far. */
  logged(event: string): readonly Record<string, unknown>[] {
    return this.#lines.filter((line) => line.event === event);
  }

  /** Ends it at once, and what it started: no drain, no goodbye. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL');
    await this.ended;
  }

  /** Asks it to finish what it computes. */
  async drain(): Promise<Ended> {
    this.child.kill('SIGTERM');
    return this.ended;
  }
}
