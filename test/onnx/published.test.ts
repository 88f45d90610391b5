import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { UltraLightFace } from '../../examples/faces/ultralight.mjs';
import { mul, sub } from '../../src/graph/functions/elementwise.ts';
import { permute } from '../../src/graph/functions/shape.ts';
import { tensor } from '../../src/graph/tensor.ts';
import { loadWeights } from '../../src/io/index.ts';
import { loadOnnx } from '../../src/onnx/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

// Published weights are not part of the project: this runs where they are.
const folder = new URL('../../../shared/weights/', import.meta.url);
const there = existsSync(folder);

describe.runIf(there)('version-RFB-320, published as ONNX', () => {
  it.each([
    'version-RFB-320.onnx',
    'version-RFB-320_simplified.onnx',
  ])('%s finds the best face of onnxruntime', async (file) => {
    const gpu = await sharedGpu();
    const model = loadOnnx(readFileSync(new URL(file, folder)));
    const rgb = readFileSync(new URL('faces1_320x240.rgb', folder));
    const pixels = new Float32Array(3 * 240 * 320);
    for (let i = 0; i < 240 * 320; i++) {
      for (let c = 0; c < 3; c++) pixels[c * 240 * 320 + i] = (rgb[i * 3 + c]! - 127) / 128;
    }
    const [input] = model.inputs;
    const step = gpu.capture((x) => model.forward({ [input!.name]: x }));
    const { scores, boxes } = await step(tensor(pixels, [1, 3, 240, 320]));
    const faces = (await scores!.data()).filter((_, i) => i % 2 === 1);
    const best = faces.indexOf(Math.max(...faces));
    expect(faces.filter((score) => score > 0.7)).toHaveLength(88);
    expect(best).toBe(522);
    expect(faces[522]).toBeCloseTo(0.9988397, 5);
    // The simplified one gives offsets from its anchors instead of boxes.
    if (file.includes('simplified')) return;
    const box = Array.from((await boxes!.data()).slice(4 * best, 4 * best + 4));
    for (const [i, value] of [0.348651, 0.115359, 0.3796, 0.176092].entries()) {
      expect(box[i]).toBeCloseTo(value, 5);
    }
  });

  it('gives the same scores and boxes as the module written over its .pth', async () => {
    const gpu = await sharedGpu();
    const model = new UltraLightFace();
    const { missing, unexpected } = model.loadStateDict(
      await loadWeights(fileURLToPath(new URL('version-RFB-320.pth', folder))),
    );
    expect([missing, unexpected]).toEqual([[], []]);
    model.eval();
    const onnx = loadOnnx(readFileSync(new URL('version-RFB-320.onnx', folder)));
    const rgb = readFileSync(new URL('faces1_320x240.rgb', folder));
    const pixels = Float32Array.from(rgb, (value) => (value - 127) / 128);
    const step = gpu.capture((images) => {
      const { scores, boxes } = model.detect(images);
      const other = onnx.forward({ [onnx.inputs[0]!.name]: permute(images, [0, 3, 1, 2]) });
      const pixelsOf = mul(other.boxes!, tensor([320, 240, 320, 240]));
      return { scores: sub(scores, other.scores!), boxes: sub(boxes, pixelsOf) };
    });
    const { scores, boxes } = await step(tensor(pixels, [1, 240, 320, 3]));
    const largest = (values: ArrayLike<number>) => Math.max(...Array.from(values, Math.abs));
    expect(largest(await scores.data())).toBeLessThan(1e-5);
    expect(largest(await boxes.data())).toBeLessThan(1e-2);
  });
});
