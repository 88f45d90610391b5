import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { exportModel, openModel, usualSide } from '../../src/open/index.ts';
import { classifierFile, detectorFile, segmenterFile } from '../studio/modelFiles.ts';

describe('exportModel', () => {
  it('writes a file that openModel opens as what it was', async () => {
    for (const [file, task, classNames] of [
      [await detectorFile(['coin', 'note']), 'detect', ['coin', 'note']],
      [await segmenterFile(), 'segment', ['coin']],
      [await classifierFile(), 'classify', ['coin', 'note']],
    ] as const) {
      const { bytes, size } = await exportModel(await openModel(file));
      const again = await openModel(bytes);
      expect([again.task, again.classNames]).toEqual([task, classNames]);
      expect(size).toEqual(task === 'classify' ? [32, 32] : [96, 96]);
    }
  });

  it('takes the number and size of images', async () => {
    const opened = await openModel(await detectorFile());
    expect(usualSide(opened.trained!)).toBe(96);
    const { bytes, size } = await exportModel(opened, {
      batch: 2,
      size: [64, 32],
      nms: 'outside',
      opset: 16,
    });
    const { inputs, opset } = loadOnnx(bytes);
    expect([inputs[0]!.shape, size, opset]).toEqual([[2, 3, 64, 32], [64, 32], 16]);
  });

  it('refuses what it cannot write', async () => {
    const opened = await openModel(await detectorFile());
    const { bytes } = await exportModel(opened);
    const onnx = await openModel(bytes, { name: 'coins.onnx' });
    await expect(exportModel(onnx, { name: 'coins.onnx' })).rejects.toThrow(
      new UsageError('coins.onnx: is an ONNX model; give one of Fovea or torchvision'),
    );
    await expect(exportModel(opened, { size: [64, 40] })).rejects.toThrow(
      /^exportModel: size: retinanet takes images whose sides are multiples of 32, not 40/,
    );
    await expect(exportModel(opened, { nms: 'outside', scoreThreshold: 0.5 })).rejects.toThrow(
      /^exportModel: nms 'outside' leaves NMS out of the file; leave scoreThreshold/,
    );
    const segmenter = await openModel(await segmenterFile());
    await expect(exportModel(segmenter, { iouThreshold: 0.5 })).rejects.toThrow(/unet is no detector/);
    await expect(exportModel(opened, { batches: 3 } as never)).rejects.toThrow(/batches/);
  });
});
