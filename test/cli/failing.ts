// Commands that must fail: the files they are given, and what is checked of how they end.
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect } from 'vitest';
import { describeError } from '../../cli/src/errors.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { SMALL_RESNET } from '../../src/models/resnet.ts';
import { RetinaNet } from '../../src/models/retinanet.ts';
import { UNet } from '../../src/models/unet.ts';
import type { ModelName } from '../../src/tasks/architectures.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights, twoScene, writeScene } from '../tasks/scenes.ts';

export interface CommandFiles {
  /** The folder of one test, made anew for each. */
  folder: string;
  /** In it: a folder with one good image, two.png, and its annotation, two.json. */
  data: string;
  /** In it: where weights are to be written. Neither the file nor its folder is there yet. */
  out: string;
  /** Weights of a RetinaNet and of a U-Net for the classes "ball" and "crate". */
  detector: string;
  segmenter: string;
}

export interface FailingCommands {
  readonly files: CommandFiles;
  /**
   * Runs a command that must fail with exit code 2 and one line, and checks that no file appeared.
   *
   * @param names What the line must contain: the file or the folder that is at fault.
   */
  fails(command: () => Promise<unknown>, names: string, message: RegExp): Promise<void>;
}

/** Makes the files before each test of the file that calls this, and removes them at its end. */
export function useFailingCommands(): FailingCommands {
  const files: CommandFiles = { folder: '', data: '', out: '', detector: '', segmenter: '' };
  let root: string;
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), 'fovea-bad-'));
    files.detector = join(root, 'detector.safetensors');
    files.segmenter = join(root, 'segmenter.safetensors');
    const backbone = { ...SMALL_RESNET, width: 4 };
    const detects = new RetinaNet({ backbone, pyramidWidth: 8, numClasses: 2, seed: 0 });
    const segments = new UNet({ width: 4, numClasses: 3, seed: 0 });
    const classNames = ['ball', 'crate'];
    const preprocessing = { maxSide: 64 };
    const save = (file: string, name: ModelName, model: RetinaNet | UNet) =>
      saveWeights(file, initialWeights(model), metadataOf({ name, model, classNames, preprocessing }));
    await save(files.detector, 'retinanet', detects);
    await save(files.segmenter, 'unet', segments);
  });
  afterAll(() => rm(root, { recursive: true, force: true }));
  beforeEach(async () => {
    files.folder = await mkdtemp(join(root, 'case-'));
    files.data = join(files.folder, 'data');
    files.out = join(files.folder, 'out', 'model.safetensors');
    await writeScene(files.data, twoScene(48));
  });
  return { files, fails: (...of) => fails(files.folder, ...of) };
}

/** Every file under a folder. */
export const filesUnder = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** Checks the one line that a user is shown: no stack, and no value that was never filled in. */
export function checkLine(line: string): void {
  expect(line).toMatch(/^fovea: \S/);
  expect(line).not.toContain('\n');
  expect(line).not.toMatch(/undefined|\[object|NaN|\bat .*:\d+:\d+|Error:/);
}

async function fails(
  folder: string,
  command: () => Promise<unknown>,
  names: string,
  message: RegExp,
): Promise<void> {
  const before = await filesUnder(folder);
  const error = await command().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, 'the command should have failed').toBeDefined();
  const { text, code } = describeError(error);
  expect(code, text).toBe(2);
  checkLine(text);
  expect(text).toContain(names);
  expect(text).toMatch(message);
  expect(await filesUnder(folder)).toEqual(before);
}
