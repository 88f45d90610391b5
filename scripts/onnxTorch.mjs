// Compares models that PyTorch exports afresh with what PyTorch computes, random weights and all.
//   npm run onnx-torch -- [--opset 13] [--seed 0] [--python /usr/bin/python3] NAME...
// NAME: torchvision's, of classifiers, segmentation and detection. Every output must be within 1e-3 of the largest; detections are
// compared in order. Models with RoIAlign: opsets below 16 (PyTorch 1.13 leaves coordinate_transformation_mode out, which means
// something else from 16 on: onnxruntime differs from PyTorch just as much). Needs PyTorch and torchvision. Exits 1 where any differs.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { openGpu, tensor } from 'fovea';
import { loadOnnx } from 'fovea/onnx';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    opset: { type: 'string', default: '13' },
    seed: { type: 'string', default: '0' },
    python: { type: 'string', default: '/usr/bin/python3' },
    folder: { type: 'string' },
  },
});
const names = positionals.length > 0 ? positionals : ['resnet18', 'mobilenet_v3_small', 'fcn_resnet50'];
const folder = values.folder ?? mkdtempSync(path.join(tmpdir(), 'onnx-torch-'));
const script = path.join(import.meta.dirname, 'onnxTorch.py');
const gpu = await openGpu();
let wrong = 0;
for (const name of names) {
  try {
    if (values.folder === undefined) {
      const args = ['-W', 'ignore', script, folder, '--opset', values.opset, '--seed', values.seed, name];
      execFileSync(values.python, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    }
    const { x, ...wanted } = JSON.parse(readFileSync(path.join(folder, `${name}.json`), 'utf8'));
    const model = loadOnnx(readFileSync(path.join(folder, `${name}.onnx`)));
    const outputs = await model.run(gpu, { x: tensor(Float32Array.from(x.data), x.shape) });
    const keys = Object.keys(wanted);
    const tensors = keys.map((key) => /** @type {import('fovea').Tensor} */ (outputs[key]));
    const found = await gpu.read(...tensors);
    const told = keys.map((key, i) => {
      const { shape, data } = wanted[key];
      const largest = Math.max(1e-12, ...data.map(Math.abs));
      const worst = data.reduce(
        (/** @type {number} */ most, /** @type {number} */ value, /** @type {number} */ k) =>
          Math.max(most, Math.abs(value - Number(found[i]?.[k]))),
        0,
      );
      const fits = String(shape) === String(tensors[i]?.shape) && worst / largest <= 1e-3;
      if (!fits) wrong++;
      return `${key} [${tensors[i]?.shape}] ${(worst / largest).toExponential(1)}${fits ? '' : ` WRONG, [${shape}]`}`;
    });
    console.log(`${name}: ${told.join(', ')}`);
  } catch (error) {
    wrong++;
    const stderr = /** @type {{ stderr?: Buffer }} */ (error).stderr?.toString().trim().split('\n').at(-1);
    console.log(`${name}: ${(stderr ?? /** @type {Error} */ (error).message).slice(0, 500)}`);
  }
}
if (values.folder === undefined) rmSync(folder, { recursive: true });
gpu.dispose();
console.log(wrong === 0 ? 'ok' : `${wrong} wrong`);
process.exitCode = wrong === 0 ? 0 : 1;
