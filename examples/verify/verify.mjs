// A kernel of your own, verified: the shader in sobel.wgsl against plain loops in float64, on any adapter, in memory that is
// poisoned before each run. What it does not write, or reads without having written it, fails.
// Run: node examples/verify/verify.mjs
import { readFile } from 'node:fs/promises';
import { openGpu } from 'fovea';
import { defineKernel } from 'fovea/kernels';
import { normal, uniform, verifyKernel, withReference } from 'fovea/verify';

const shader = await readFile(new URL('sobel.wgsl', import.meta.url), 'utf8');

/** |gradient| of x [H,W] by Sobel's filters. */
const sobel = defineKernel({
  name: 'sobel',
  inputs: ['x'],
  outputs: ['y'],
  infer: ({ x }) => ({ y: x }),
  dispatches(_caps, { x }) {
    const [height, width] = x.shape;
    const total = height * width;
    return { dispatches: [{ shader, params: { total, height, width }, grid: total }] };
  },
});

// From the formula, not from the shader: two copies of one mistake agree.
const FILTER = [
  [-1, 0, 1],
  [-2, 0, 2],
  [-1, 0, 1],
];
const subject = withReference(sobel, ({ x }) => {
  const [height, width] = x.shape;
  /** @param {number} i @param {number} size */
  const inside = (i, size) => Math.min(Math.max(i, 0), size - 1);
  const y = Float64Array.from(x.data, (_, i) => {
    const [r, c] = [Math.floor(i / width), i % width];
    let [dx, dy] = [0, 0];
    for (const u of [0, 1, 2]) {
      for (const v of [0, 1, 2]) {
        const value = x.data[inside(r + u - 1, height) * width + inside(c + v - 1, width)];
        dx += FILTER[u][v] * value;
        dy += FILTER[v][u] * value;
      }
    }
    return Math.hypot(dx, dy);
  });
  return { y };
});

const gpu = await openGpu();
const rows = await verifyKernel(gpu, subject, {
  cases: [
    { name: 'odd sizes', inputs: { x: normal([13, 7]) } },
    { name: 'one row', inputs: { x: uniform([1, 100]) } },
    { name: 'one pixel', inputs: { x: normal([1, 1]) } },
    { name: 'no pixels', inputs: { x: normal([0, 5]) } },
    { name: 'an image', inputs: { x: uniform([240, 320], 0, 255) } },
  ],
  repeat: 3, // the same bits every time
});
for (const { name, status, maxError, message } of rows) {
  console.log(
    `${status.padEnd(8)}${name.padEnd(12)}${maxError.toExponential(1).padStart(8)}  ${message}`.trimEnd(),
  );
}
console.log(`${rows.filter(({ ok }) => ok).length} of ${rows.length} passed`);
gpu.dispose();
