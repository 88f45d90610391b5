import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import sharp from 'sharp';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { evalCommand } from '../../cli/src/commands/eval.ts';
import { detectCommand, segmentCommand } from '../../cli/src/commands/predict.ts';
import { trainCommand } from '../../cli/src/commands/train.ts';
import type { TrainOptions } from '../../cli/src/trainOptions.ts';
import { encodeSafetensors } from '../../src/io/safetensors.ts';
import { checkLine, filesUnder, useFailingCommands } from './failing.ts';
import { buildCli, fovea, messages } from './run.ts';

const { files, fails } = useFailingCommands();
const train = (more: Partial<TrainOptions> = {}) =>
  trainCommand({ task: 'detect', data: files.data, out: files.out, epochs: 1, crop: 32, width: 4, ...more });
const annotation = () => join(files.data, 'two.json');
const image = () => join(files.data, 'two.png');
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
      /line \d+, column \d+: expected .*; restore the file from a copy, or label the image again, or leave out/,
    );
  });
  it('JSON without shapes', async () => {
    await writeFile(annotation(), '{"loss": 0.5}');
    await fails(train, files.data, /contains no annotations of a known format; give a folder of Labelme/);
    await fails(
      () => train({ from: 'labelme' }),
      files.data,
      /contains no Labelme file \(\*\.json with "shapes"\)/,
    );
  });
  it('empty shapes', async () => {
    await edit((document) => {
      document.shapes = [];
    });
    await fails(train, files.data, /its image has no object to learn; label some/);
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
      () => train({ clip: false }),
      annotation(),
      /shapes\[0\]: the box \[10, 10, 60, 20\] \(x1, y1, x2, y2\) is outside of the image of 48x48; cut it at the border/,
    );
  });
  it('a missing image', async () => {
    await rm(image());
    await fails(
      train,
      annotation(),
      /imagePath is two\.png, and there is no such file; put the image beside/,
    );
  });
  it('a truncated PNG', async () => {
    const bytes = await readFile(image());
    await writeFile(image(), bytes.subarray(0, bytes.length / 2));
    await fails(train, image(), /truncated or damaged PNG .*; copy or export it again/);
  });
  it('a truncated JPEG', async () => {
    const bytes = await sharp(image()).jpeg().toBuffer();
    await writeFile(join(files.data, 'two.jpg'), bytes.subarray(0, bytes.length - 300));
    await edit((document) => {
      document.imagePath = 'two.jpg';
    });
    await fails(train, join(files.data, 'two.jpg'), /truncated or damaged JPEG .*; copy or export it again/);
  });
  it('an image of another size', async () => {
    await edit((document) => Object.assign(document, { imageWidth: 64, imageHeight: 64 }));
    await fails(
      train,
      annotation(),
      /is for 64x64 pixels, but the image has 48x48; use the image that was labelled/,
    );
  });
  it('an empty folder, a missing one, one without annotations, and a file', async () => {
    const empty = join(files.data, 'empty');
    await mkdir(empty);
    const nothing = /contains no annotations of a known format; give a folder of Labelme/;
    await fails(() => train({ data: empty }), empty, nothing);
    await cp(image(), join(empty, 'two.png'));
    await fails(() => train({ data: empty }), empty, nothing);
    await fails(
      () => train({ data: join(files.data, 'no') }),
      join(files.data, 'no'),
      /no such file or folder; give the folder with/,
    );
    await fails(() => train({ data: image() }), image(), nothing);
  });
});

describe('an output that cannot be written', () => {
  it('is told before training', async () => {
    await fails(() => train({ out: files.data }), files.data, /is a folder; give the path of a file/);
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
    await fails(
      () => detectCommand(files.detector, [image()], { out: annotation() }),
      annotation(),
      /it is a file, not a folder/,
    );
    await fails(
      () => segmentCommand(files.segmenter, [image()], { out: files.data }),
      image(),
      /is in the folder of --out, .*; choose another folder/,
    );
    const json = join(annotation(), 'metrics.json');
    await fails(
      () => evalCommand(files.detector, { data: files.data, json }),
      annotation(),
      /; choose another output path/,
    );
  });
});

describe('resuming', () => {
  it('without a checkpoint, from something else, and with other settings', async () => {
    const checkpoint = files.out.replace('.safetensors', '.checkpoint.safetensors');
    await fails(
      () => train({ resume: true }),
      checkpoint,
      /there is no checkpoint to resume from; train without --resume/,
    );
    await mkdir(dirname(files.out), { recursive: true });
    await cp(files.detector, checkpoint);
    await fails(
      () => train({ resume: true }),
      checkpoint,
      /so it is not a checkpoint; .*resume from a file that training saved/,
    );
    for (const progress of ['null', '{"step": 1}', '{"step": 1, "settings": {"model": "unet"}}', '[']) {
      await writeFile(checkpoint, encodeSafetensors({}, { 'fovea.progress': progress }));
      await fails(
        () => train({ resume: true }),
        checkpoint,
        /; (train again \(--force\)|use a checkpoint that training saved)/,
      );
    }
    await rm(checkpoint);
    await train({ task: 'segment', batch: 2 });
    await fails(
      () => train({ resume: true, task: 'segment', batch: 4, epochs: 3 }),
      checkpoint,
      /was trained with batchSize 2, now 4; resume with the same data and settings \(only lr, steps/,
    );
    await fails(
      () => train({ resume: true, task: 'detect' }),
      checkpoint,
      /is of a unet, which cannot be continued as a retinanet; resume with --model unet/,
    );
    await fails(
      () => train({ resume: true, task: 'segment', skipBatches: [1] }),
      '--skip-batches 1',
      /the checkpoint is of step 1 and has learned from this batch/,
    );
    await fails(
      () => train({ resume: true, task: 'segment', batch: 2, steps: 3, epochs: undefined, skipBatches: [4] }),
      'train',
      /skipBatches has 4; give numbers of batches from 1 to 3/,
    );
    await cp(join(files.data, 'two.png'), join(files.data, 'three.png'));
    const copied = (await readFile(annotation(), 'utf8')).replaceAll('two.png', 'three.png');
    await writeFile(join(files.data, 'three.json'), copied);
    await fails(
      () => train({ resume: true, task: 'segment', batch: 2, steps: 3, epochs: undefined }),
      checkpoint,
      new RegExp(
        `trained on other data than ${files.data} \\(crops per epoch: 2, now 4\\); resume with the same`,
      ),
    );
    await fails(
      () => train({ task: 'segment' }),
      checkpoint,
      /of an earlier training; continue it with --resume/,
    );
    await fails(() => train({ resume: true, force: true }), '--resume', /leave one of them out/);
  });
});

describe('images and labels that do not fit', () => {
  it('a label that the model does not know', async () => {
    await edit(({ shapes }) => {
      shapes[1]!.label = 'pallet';
    });
    await fails(
      () => evalCommand(files.detector, { data: files.data }),
      annotation(),
      /shapes\[1\]: the label "pallet" is not a class of the model \(ball, crate\); rename it, train the model with it, or leave out what is bad \(--skip-bad\)/,
    );
  });
  it('such a label is ignored in eval where that is asked for, and told', async () => {
    await edit(({ shapes }) => {
      shapes[1]!.label = 'pallet';
    });
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    const metrics = join(files.folder, 'metrics.json');
    await evalCommand(files.detector, { data: files.data, skipBad: true, json: metrics });
    const lines = told.mock.calls.join('');
    for (const spy of [told, printed]) spy.mockRestore();
    expect(lines).toContain('left out 1 object: 1 unknown class; the first: ');
    expect(JSON.parse(await readFile(metrics, 'utf8'))).toBeTruthy();
  });
  it('boxes out of the image are cut, or refused with --no-clip', async () => {
    await edit(({ shapes }) => {
      Object.assign(shapes[1]!, {
        shape_type: 'rectangle',
        points: [
          [-20, -20],
          [9, 9],
        ],
      });
    });
    await fails(
      () => evalCommand(files.detector, { data: files.data, clip: false }),
      annotation(),
      /outside of the image.*\(--clip\)/,
    );
    const told = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await evalCommand(files.detector, { data: files.data });
    const lines = told.mock.calls.join('');
    for (const spy of [told, printed]) spy.mockRestore();
    expect(lines).toContain('noted 1 clipped at the border; the first: ');
  });
  it('boxes alone are no truth for masks', async () => {
    await edit(({ shapes }) => {
      for (const shape of shapes) {
        Object.assign(shape, {
          shape_type: 'rectangle',
          points: [
            [2, 2],
            [9, 9],
          ],
        });
      }
      shapes.splice(1);
    });
    await fails(
      () => evalCommand(files.segmenter, { data: files.data }),
      files.data,
      /has boxes but no outlines or masks, which unet needs; label outlines, or fill the boxes \(--boxes-as-masks\)/,
    );
    const printed = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
    await evalCommand(files.segmenter, { data: files.data, boxesAsMasks: true });
    printed.mockRestore();
  });
  it('an --out that is not named .safetensors', async () => {
    const pth = files.out.replace('.safetensors', '.pth');
    await fails(
      () => train({ out: pth }),
      pth,
      /weights are written as \.safetensors; give --out .*\.safetensors, and convert it afterwards: fovea weights convert/,
    );
    await fails(() => train({ out: join(files.folder, 'z') }), 'z', /give --out .*z\.safetensors$/);
  });
  it('a missing image, and a broken one', async () => {
    const into = { out: dirname(files.out) };
    const missing = join(files.data, 'three.png');
    await fails(
      () => detectCommand(files.detector, [missing], into),
      missing,
      /no such file or folder.*check the path/,
    );
    await writeFile(missing, 'not an image');
    await fails(
      () => detectCommand(files.detector, [missing], into),
      missing,
      /not an image that can be read; use PNG, JPEG/,
    );
  });
});

describe('the program', () => {
  beforeAll(buildCli);
  const one = async (args: string[], message: RegExp): Promise<void> => {
    const { code, stdout, stderr } = await fovea(...args);
    expect(code, stderr).toBe(2);
    expect(stdout).toBe('');
    const lines = messages(stderr);
    expect(lines, stderr).toHaveLength(1);
    checkLine(lines[0]!);
    expect(lines[0]).toMatch(message);
  };

  it('prints one line and exits with 2', async () => {
    await writeFile(annotation(), '{');
    const before = await filesUnder(files.folder);
    // Each its own --out, which a training locks.
    const options = (name: string) => [
      '--data',
      files.data,
      '--out',
      join(dirname(files.out), `${name}.safetensors`),
    ];
    await Promise.all([
      one(['train', '--task', 'detect', ...options('one')], /two\.json: line 1, column 2: expected a key/),
      one(
        ['train', ...options('two')],
        /train: give --model, or --task with one of detect, segment, classify/,
      ),
      one(['train', '--resume', ...options('three')], /no checkpoint to resume from/),
      one(['eval', files.segmenter, '--data', files.data], /two\.json: line 1/),
    ]);
    const into = ['--out', dirname(files.out)];
    await Promise.all([
      one(
        ['segment', files.detector, image(), ...into],
        /detector\.safetensors: retinanet is a detection model/,
      ),
      one(
        ['detect', files.detector, image(), ...into, '--adapter', 'hardware'],
        /no hardware adapter: install|lavapipe/,
      ),
      one(['detect', image(), image(), ...into], /two\.png: is an image, not weights/),
      one(
        ['detect', files.detector, image(), ...into, '--format', 'csv', '--copy-images'],
        /--copy-images is not for --format csv; leave it out/,
      ),
    ]);
    // Not before: a command that still runs has a lock.
    expect(await filesUnder(files.folder)).toEqual(before);
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
      const { code, stderr } = await fovea('train', '--data', files.data, '--out', files.out, ...options);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(message);
      expect(stderr).not.toMatch(/undefined|\[object|\bat .*:\d+:\d+/);
    }
  });
});
