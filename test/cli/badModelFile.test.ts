import { readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'vitest';
import { evalCommand } from '../../cli/src/commands/eval.ts';
import { detectCommand, segmentCommand } from '../../cli/src/commands/predict.ts';
import { decodeSafetensors, encodeSafetensors } from '../../src/io/safetensors.ts';
import { useFailingCommands } from './failing.ts';

const { files, fails } = useFailingCommands();
const image = () => join(files.data, 'two.png');
const evaluates = (file: string) => () => evalCommand(file, { data: files.data });

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
      'that is an image',
      () => Buffer.from([0x89, 0x50, 0x4e, 0x47, 13, 10, 26, 10, 0, 0, 0, 13]),
      /is an image, not weights/,
    ],
    ['that is empty', () => Buffer.alloc(0), /the file is empty/],
    [
      'that is a Git LFS pointer',
      () =>
        Buffer.from(`version https://git-lfs.github.com/spec/v1\noid sha256:${'0'.repeat(64)}\nsize 99\n`),
      /is a Git LFS pointer, .* run "git lfs pull"/,
    ],
    [
      'of another program',
      () => headerOf({ a: entry(0, 8) }),
      /has no fovea\.model metadata\), and its names and shapes tell no architecture/,
    ],
  ];
  it.each(broken)('%s', async (_, make, message) => {
    const file = join(files.data, 'model.safetensors');
    await writeFile(file, make(await readFile(files.detector)));
    const into = { out: dirname(files.out) };
    await fails(() => detectCommand(file, [image()], into), file, message);
    await fails(() => segmentCommand(file, [image()], into), file, message);
    await fails(evaluates(file), file, message);
  });

  it('of another architecture: the keys are listed', async () => {
    const file = join(files.data, 'model.safetensors');
    const { tensors } = decodeSafetensors(await readFile(files.segmenter), files.segmenter);
    const { metadata } = decodeSafetensors(await readFile(files.detector), files.detector);
    await writeFile(file, encodeSafetensors(tensors, metadata));
    const message =
      /missing keys: backbone\.body\.conv1\.weight, .*\(\d+\); unexpected keys: .*down\.0\.conv1\.weight/;
    await fails(evaluates(file), file, message);
  });

  it('of another width, task or class list, or that describes something too large', async () => {
    const file = join(files.data, 'model.safetensors');
    const { tensors, metadata } = decodeSafetensors(await readFile(files.detector), files.detector);
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
    await fails(evaluates(file), file, /is \[3,3,3,4\], the model’s is \[3,3,3,8\]; use the width/);
    await change(({ config }) => Object.assign(config.backbone, { width: 4096 }));
    await fails(evaluates(file), file, /is \[3,3,3,4\], the model’s is \[3,3,3,4096\]; use the width/);
    await change(({ config }) => Object.assign(config.backbone, { width: 'wide' }));
    await fails(evaluates(file), file, /fovea\.model: backbone\.width: .*; export the weights again/);
    await change((model) => model.classNames.push('third'));
    await fails(evaluates(file), file, /3 class names for 2 classes/);
    await change((model) => {
      model.architecture = 'yolo';
    });
    await fails(evaluates(file), file, /architecture "yolo" is unknown, there are retinanet, .*unet/);
  });

  it('for the other command', async () => {
    const into = { out: dirname(files.out) };
    await fails(
      () => segmentCommand(files.detector, [image()], into),
      files.detector,
      /is a detection model; use .*fovea detect/,
    );
    await fails(
      () => detectCommand(files.segmenter, [image()], into),
      files.segmenter,
      /is a segmentation model; use .*fovea segment/,
    );
    await fails(
      () => detectCommand(join(files.data, 'no.safetensors'), [image()], into),
      'no.safetensors',
      /no such file; check the path/,
    );
  });
});
