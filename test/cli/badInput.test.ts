import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { evalCommand } from '../../cli/src/commands/eval.ts';
import { detectCommand, segmentCommand } from '../../cli/src/commands/predict.ts';
import { type TrainOptions, trainCommand } from '../../cli/src/commands/train.ts';
import { describeError } from '../../cli/src/errors.ts';
import { saveWeights } from '../../src/io/checkpoint.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts';
import { RETINANET_DEFAULTS, RetinaNet } from '../../src/models/retinanet.ts';
import { UNET_DEFAULTS, UNet } from '../../src/models/unet.ts';
import type { ModelName } from '../../src/tasks/architectures.ts';
import { metadataOf } from '../../src/tasks/modelFile.ts';
import { initialWeights, twoScene, writeScene } from '../tasks/scenes.ts';
import { buildCli, fovea, messages } from './run.ts';

let root: string;
/** A folder with one good picture and its annotation, made anew for each test. */
let data: string;
let out: string;
let detector: string;
let segmenter: string;
const classNames = ['ball', 'crate'];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'fovea-bad-'));
  detector = join(root, 'detector.safetensors');
  segmenter = join(root, 'segmenter.safetensors');
  const preprocessing = { maxSide: 64 };
  const backbone = { ...RETINANET_DEFAULTS.backbone, width: 4 };
  const detects = new RetinaNet({ ...RETINANET_DEFAULTS, backbone, pyramidWidth: 8, numClasses: 2 });
  const segments = new UNet({ ...UNET_DEFAULTS, width: 4, numClasses: 2 });
  const save = (file: string, name: ModelName, model: RetinaNet | UNet) =>
    saveWeights(file, initialWeights(model), metadataOf({ name, model, classNames, preprocessing }));
  await save(detector, 'retinanet', detects);
  await save(segmenter, 'unet', segments);
  await buildCli();
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  const folder = await mkdtemp(join(root, 'case-'));
  data = join(folder, 'data');
  out = join(folder, 'out', 'model.safetensors');
  await writeScene(data, twoScene(48));
});

/** Every file under a folder. */
const filesUnder = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What a line for the user must be. */
function checkLine(line: string): void {
  expect(line).toMatch(/^fovea: \S/);
  expect(line).not.toContain('\n');
  expect(line).not.toMatch(/undefined|\[object|NaN|\bat .*:\d+:\d+|Error:/);
}

/** Runs a command that must fail: the line that it prints, after checking that nothing was written. */
async function fails(
  command: () => Promise<unknown>,
  names: string | undefined,
  message: RegExp,
): Promise<void> {
  const folder = join(out, '../..');
  const before = await filesUnder(folder);
  const error = await command().then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error, 'the command should have failed').toBeDefined();
  const { text, code } = describeError(error);
  expect(code, text).toBe(2);
  checkLine(text);
  if (names !== undefined) expect(text).toContain(names);
  expect(text).toMatch(message);
  expect(await filesUnder(folder)).toEqual(before);
}

const train = (more: Partial<TrainOptions> = {}) =>
  trainCommand({ task: 'detect', data, out, epochs: 1, crop: 32, width: 4, ...more });
const annotation = () => join(data, 'two.json');
const edit = async (
  change: (document: Record<string, unknown> & { shapes: Record<string, unknown>[] }) => void,
) => {
  const document = JSON.parse(await readFile(annotation(), 'utf8'));
  change(document);
  await writeFile(annotation(), JSON.stringify(document));
};

describe('a folder that cannot be trained on', () => {
  it('broken JSON', async () => {
    await writeFile(annotation(), (await readFile(annotation(), 'utf8')).slice(0, 100));
    await fails(
      train,
      annotation(),
      /line \d+, column \d+: expected .*; open the image with this file in Labelme/,
    );
  });
  it('JSON without shapes', async () => {
    await writeFile(annotation(), '{"loss": 0.5}');
    await fails(train, data, /holds no annotations of a known format; give a folder of Labelme/);
    await fails(
      () => train({ from: 'labelme' }),
      annotation(),
      /has no "shapes"; give the JSON that Labelme saved/,
    );
  });
  it('empty shapes', async () => {
    await edit((document) => {
      document.shapes = [];
    });
    await fails(train, annotation(), /shapes is empty: .*; label the image or leave the file out/);
  });
  it('a polygon of two points', async () => {
    await edit(({ shapes }) =>
      Object.assign(shapes[1]!, {
        shape_type: 'polygon',
        points: [
          [1, 1],
          [9, 9],
        ],
      }),
    );
    await fails(
      train,
      annotation(),
      /shapes\[1\]\.points: a polygon takes at least 3 points, got 2; draw the shape again/,
    );
  });
  it('points outside the image', async () => {
    await edit(({ shapes }) => {
      shapes[0]!.points = [
        [10, 10],
        [60, 20],
      ];
    });
    await fails(
      train,
      annotation(),
      /shapes\[0\]\.points\[1\] \(60, 20\) is outside the image of 48x48; move it inside/,
    );
  });
  it('a missing image', async () => {
    await rm(join(data, 'two.png'));
    await fails(train, annotation(), /imagePath names two\.png, which is not there; put the picture beside/);
  });
  it('a truncated PNG', async () => {
    const bytes = await readFile(join(data, 'two.png'));
    await writeFile(join(data, 'two.png'), bytes.subarray(0, bytes.length / 2));
    await fails(train, join(data, 'two.png'), /truncated or damaged PNG .*; copy or export it again/);
  });
  it('a truncated JPEG', async () => {
    const bytes = await sharp(join(data, 'two.png')).jpeg().toBuffer();
    await writeFile(join(data, 'two.jpg'), bytes.subarray(0, bytes.length - 300));
    await edit((document) => {
      document.imagePath = 'two.jpg';
    });
    await fails(train, join(data, 'two.jpg'), /truncated or damaged JPEG .*; copy or export it again/);
  });
  it('a picture of another size', async () => {
    await edit((document) => Object.assign(document, { imageWidth: 64, imageHeight: 64 }));
    await fails(train, annotation(), /says 64x64, its picture is 48x48; use the picture that was labelled/);
  });
  it('an empty folder, a missing one, one without annotations, and a file', async () => {
    const empty = join(data, 'empty');
    await mkdir(empty);
    const nothing = /holds no annotations of a known format; give a folder of Labelme/;
    await fails(() => train({ data: empty }), empty, nothing);
    await cp(join(data, 'two.png'), join(empty, 'two.png'));
    await fails(() => train({ data: empty }), empty, nothing);
    await fails(
      () => train({ data: join(data, 'no') }),
      join(data, 'no'),
      /no such file or folder; give the folder with/,
    );
    await fails(() => train({ data: join(data, 'two.png') }), join(data, 'two.png'), nothing);
  });
});

describe('an output that cannot be written', () => {
  it('is told before training', async () => {
    await fails(() => train({ out: data }), data, /is a folder; give the path of a file/);
    const under = join(annotation(), 'model.safetensors');
    await fails(
      () => train({ out: under }),
      annotation(),
      /cannot be used as a folder \(.*\); choose another output path/,
    );
    await fails(
      () => train({ out: '/proc/no/model.safetensors' }),
      '/proc/no',
      /; choose another output path/,
    );
  });
  it('is told before anything is found', async () => {
    const picture = join(data, 'two.png');
    await fails(
      () => detectCommand(detector, [picture], { out: annotation() }),
      annotation(),
      /it is a file, not a folder/,
    );
    await fails(
      () => segmentCommand(segmenter, [picture], { out: data }),
      picture,
      /is in the folder of --out, .*; choose another folder/,
    );
    const json = join(annotation(), 'metrics.json');
    await fails(() => evalCommand(detector, { data, json }), annotation(), /; choose another output path/);
  });
});

describe('resuming', () => {
  it('without a checkpoint, from something else, and with other settings', async () => {
    const checkpoint = out.replace('.safetensors', '.checkpoint.safetensors');
    await fails(
      () => train({ resume: true }),
      checkpoint,
      /there is no checkpoint to resume from; train without --resume/,
    );
    await mkdir(join(out, '..'), { recursive: true });
    await cp(detector, checkpoint);
    await fails(
      () => train({ resume: true }),
      checkpoint,
      /so it is no checkpoint; .*resume from a file that training saved/,
    );
    for (const progress of ['null', '{"step": 1}', '{"step": 1, "settings": {"model": "unet"}}', '[']) {
      await writeFile(checkpoint, encodeSafetensors({}, { 'fovea.progress': progress }));
      await fails(
        () => train({ resume: true }),
        checkpoint,
        /; (train without --resume|use a checkpoint that training saved)/,
      );
    }
    await rm(checkpoint);
    await train({ task: 'segment', batch: 2 });
    await fails(
      () => train({ resume: true, task: 'segment', batch: 4, epochs: 3 }),
      checkpoint,
      /was trained with batchSize 2, now 4; steps 1, now 2; resume with/,
    );
    await fails(() => train({ resume: true, task: 'detect' }), checkpoint, /model "unet", now "retinanet"/);
  });
});

describe('a model file that cannot be used', () => {
  const headerOf = (header: object, bytes = 8): Buffer => {
    const text = Buffer.from(JSON.stringify(header));
    const prefix = Buffer.alloc(8);
    prefix.writeBigUInt64LE(BigInt(text.length));
    return Buffer.concat([prefix, text, Buffer.alloc(bytes)]);
  };
  const entry = (begin: number, end: number) => ({
    dtype: 'F32',
    shape: [(end - begin) / 4],
    data_offsets: [begin, end],
  });
  const broken: [name: string, bytes: (good: Buffer) => Buffer, message: RegExp][] = [
    [
      'truncated',
      (good) => good.subarray(0, good.length - 100),
      /reach past the \d+ bytes of data in the file; it is cut short/,
    ],
    [
      'cut in the header',
      (good) => good.subarray(0, 300),
      /header length \(bytes 0 to 7\) says \d+ bytes, the file has 292/,
    ],
    [
      'with a header of 2^60 bytes',
      (good) => {
        const bytes = Buffer.from(good);
        bytes.writeBigUInt64LE(2n ** 60n);
        return bytes;
      },
      /says 1152921504606846976 bytes/,
    ],
    [
      'with overlapping offsets',
      () => headerOf({ a: entry(0, 8), b: entry(4, 8) }),
      /tensors "a" and "b" overlap/,
    ],
    ['with offsets out of range', () => headerOf({ a: entry(0, 4096) }), /reach past the 8 bytes/],
    [
      'that is a picture',
      () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]),
      /header length/,
    ],
    ['that is empty', () => Buffer.alloc(0), /the file has 0 bytes/],
    [
      'of another program',
      () => headerOf({ a: entry(0, 8) }),
      /has no fovea\.model metadata; use a file that "fovea train" wrote/,
    ],
  ];
  it.each(broken)('%s', async (_, make, message) => {
    const file = join(data, 'model.safetensors');
    await writeFile(file, make(await readFile(detector)));
    const picture = join(data, 'two.png');
    const into = { out: join(out, '..') };
    await fails(() => detectCommand(file, [picture], into), file, message);
    await fails(() => segmentCommand(file, [picture], into), file, message);
    await fails(() => evalCommand(file, { data }), file, message);
  });

  it('of another architecture: the keys are listed', async () => {
    const file = join(data, 'model.safetensors');
    const { tensors } = decodeSafetensors(await readFile(segmenter), segmenter);
    const { metadata } = decodeSafetensors(await readFile(detector), detector);
    await writeFile(file, encodeSafetensors(tensors, metadata));
    const message =
      /missing keys: backbone\.body\.conv1\.weight, .*\(\d+\); unexpected keys: .*down\.0\.conv1\.weight/;
    await fails(() => evalCommand(file, { data }), file, message);
  });

  it('of another width, task or class list, or that describes a monster', async () => {
    const file = join(data, 'model.safetensors');
    const { tensors, metadata } = decodeSafetensors(await readFile(detector), detector);
    const change = async (
      edit: (model: {
        architecture: string;
        config: { backbone: Record<string, unknown> };
        classNames: string[];
      }) => void,
    ) => {
      const model = JSON.parse(metadata['fovea.model']!);
      edit(model);
      await writeFile(file, encodeSafetensors(tensors, { 'fovea.model': JSON.stringify(model) }));
    };
    await change(({ config }) => Object.assign(config.backbone, { width: 8 }));
    await fails(
      () => evalCommand(file, { data }),
      file,
      /is \[3,3,3,4\], the model’s is \[3,3,3,8\]; use the width/,
    );
    await change(({ config }) => Object.assign(config.backbone, { width: 4096 }));
    await fails(
      () => evalCommand(file, { data }),
      file,
      /is \[3,3,3,4\], the model’s is \[3,3,3,4096\]; use the width/,
    );
    await change(({ config }) => Object.assign(config.backbone, { width: 'wide' }));
    await fails(
      () => evalCommand(file, { data }),
      file,
      /fovea\.model: backbone\.width: .*; export the weights again/,
    );
    await change((model) => model.classNames.push('third'));
    await fails(() => evalCommand(file, { data }), file, /3 class names for 2 classes/);
    await change((model) => {
      model.architecture = 'yolo';
    });
    await fails(
      () => evalCommand(file, { data }),
      file,
      /architecture "yolo" is unknown; known are retinanet, fasterrcnn, .*unet/,
    );
  });

  it('for the other command', async () => {
    const into = { out: join(out, '..') };
    const picture = join(data, 'two.png');
    await fails(
      () => segmentCommand(detector, [picture], into),
      detector,
      /this model detects; use .*fovea detect/,
    );
    await fails(
      () => detectCommand(segmenter, [picture], into),
      segmenter,
      /this model segments; use .*fovea segment/,
    );
    await fails(
      () => detectCommand(join(data, 'no.safetensors'), [picture], into),
      'no.safetensors',
      /no such file; check the path/,
    );
  });
});

describe('pictures and labels that do not fit', () => {
  it('a label that the model does not know', async () => {
    await edit(({ shapes }) => {
      shapes[1]!.label = 'pallet';
    });
    await fails(
      () => evalCommand(detector, { data }),
      annotation(),
      /shapes\[1\]\.label is "pallet", none of the model’s classes \(ball, crate\); rename it/,
    );
  });
  it('a missing picture, a broken one, and two of one name', async () => {
    const into = { out: join(out, '..') };
    const picture = join(data, 'two.png');
    const missing = join(data, 'three.png');
    await fails(
      () => detectCommand(detector, [picture, missing], into),
      missing,
      /no such file or folder.*check the path/,
    );
    await writeFile(missing, 'not a picture');
    await fails(
      () => detectCommand(detector, [missing], into),
      missing,
      /not an image that can be read; use PNG, JPEG/,
    );
    await mkdir(join(data, 'more'));
    const same = join(data, 'more', 'two.png');
    await cp(picture, same);
    await fails(
      () => detectCommand(detector, [picture, same], into),
      same,
      /would both be written as two\.json; rename one/,
    );
  });
});

describe('the program', () => {
  const one = async (args: string[], message: RegExp): Promise<void> => {
    const before = await filesUnder(join(out, '../..'));
    const { code, stdout, stderr } = await fovea(...args);
    expect(code, stderr).toBe(2);
    expect(stdout).toBe('');
    const lines = messages(stderr);
    expect(lines, stderr).toHaveLength(1);
    checkLine(lines[0]!);
    expect(lines[0]).toMatch(message);
    expect(await filesUnder(join(out, '../..'))).toEqual(before);
  };

  it('prints one line and exits with 2', async () => {
    await writeFile(annotation(), '{');
    const options = ['--data', data, '--out', out];
    await Promise.all([
      one(['train', '--task', 'detect', ...options], /two\.json: line 1, column 2: expected a key/),
      one(['train', ...options], /train: give --model, or --task detect or --task segment/),
      one(['train', '--resume', ...options], /no checkpoint to resume from/),
      one(['eval', segmenter, '--data', data], /two\.json: line 1/),
    ]);
    const into = ['--out', join(out, '..')];
    await Promise.all([
      one(['segment', detector, join(data, 'two.png'), ...into], /detector\.safetensors: this model detects/),
      one(
        ['detect', detector, join(data, 'two.png'), ...into, '--adapter', 'hardware'],
        /no hardware adapter: install|lavapipe/,
      ),
      one(['detect', join(data, 'two.png'), join(data, 'two.png'), ...into], /two\.png: header length/),
    ]);
  });

  it('exits with 2 for option values that cannot be', async () => {
    const wrong = [
      [['--epochs', '0'], /'0' is invalid.*give a whole number of 1 or more/],
      [['--task', 'foo'], /Allowed choices are detect, segment/],
      [['--size', 'abc'], /'abc' is invalid.*from 32 to 65536/],
      [['--size', ''], /from 32 to 65536/],
      [['--crop', '33'], /a multiple of 32/],
      [['--lr', '-1'], /give a positive number/],
      [['--nonsense', '1'], /unknown option '--nonsense'/],
    ] as const;
    for (const [options, message] of wrong) {
      const { code, stderr } = await fovea('train', '--data', data, '--out', out, ...options);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/undefined|\[object|\bat .*:\d+:\d+/);
    }
  });
});
