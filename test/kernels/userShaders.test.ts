import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GpuError, UsageError } from '../../src/errors.ts';
import { apply, elementwiseOperation, mul, tensor } from '../../src/graph/index.ts';
import { defineElementwise, defineKernel, planAsync } from '../../src/kernels/index.ts';
import type { Gpu } from '../../src/plan/gpu.ts';
import {
  normal,
  scalarReferences,
  verifyKernel,
  verifyOperation,
  withReference,
} from '../../src/verify/index.ts';
import { sharedGpu } from '../sharedGpu.ts';

// What the user of a wrong shader reads: the kernel, the place in the user's own text, the line, and the compiler's message.

let gpu: Gpu;
beforeAll(async () => {
  gpu = await sharedGpu();
});
afterAll(() => gpu?.dispose());

/** A kernel of the user's; `body` is line 8 of its shader. */
const kernelOf = (name: string, body: string, first = `// ${name}.wgsl`, snippets: string[] = []) =>
  defineKernel({
    name,
    inputs: ['x'],
    outputs: ['y'],
    infer: ({ x }) => ({ y: x }),
    dispatches(_caps, { x }) {
      const total = x.shape[0]!;
      const shader = `${first}
struct Params { total: u32 }
@group(0) @binding(0) var<uniform> p: Params;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read_write> y: array<f32>;
@compute @workgroup_size(WORKGROUP) fn main(@builtin(global_invocation_id) gid: vec3u) {
  let i = gid.x;
  ${body}
}`;
      return { dispatches: [{ shader, snippets, params: { total }, grid: total }] };
    },
  });

const rowOf = (wgsl: string, backward = 'gain * dy', functions?: string) =>
  defineElementwise({
    name: 'bent',
    args: ['x'],
    attrs: { gain: 2 },
    wgsl,
    backward: { x: backward },
    ...(functions === undefined ? {} : { functions }),
  });

const failureOf = async (work: Promise<unknown>): Promise<Error> => {
  const error = await work.then(
    () => undefined,
    (reason: Error) => reason,
  );
  expect(error).toBeInstanceOf(GpuError);
  return error!;
};

const references = scalarReferences(rowOf('x'), { forward: ({ x }) => x!, backward: { x: ({ dy }) => dy! } });
const cases = [{ name: 'a case', inputs: { x: normal([4]) } }];

describe('a shader that does not compile', () => {
  it('is no kernel where a name or nothing is given', async () => {
    for (const wrong of ['conv2d', undefined, {}]) {
      const planned = planAsync(wrong as never, ...([gpu.device.device, { x: [1] }] as never));
      await expect(planned).rejects.toThrow(UsageError);
      await expect(planned).rejects.toThrow('is no kernel; pass one of fovea/kernels, such as conv2d');
    }
  });

  it('is named by planAsync with its line, the line’s text and the compiler’s message', async () => {
    const kernel = kernelOf('bend', 'y[i] = x[i] + lost;');
    const { message } = await failureOf(planAsync(kernel, gpu.device.device, { x: [4] }));
    expect(message).toMatch(
      /^bend: its shader does not compile: bend\.wgsl:8: .*lost.*, in "y\[i\] = x\[i\] \+ lost;"/,
    );
    expect(message).not.toContain('\n');
  });

  it('is named where its first line names no file, and where the error is in a snippet', async () => {
    const { message } = await failureOf(
      planAsync(kernelOf('bend', 'y[i] = lost;', '// My shader'), gpu.device.device, { x: [4] }),
    );
    expect(message).toMatch(/^bend: .*:8: .*in "y\[i\] = lost;"/);
    const snippet = '// bend_more.wgsl\n\nfn more(v: f32) -> f32 { return gone; }';
    const inSnippet = kernelOf('bend', 'y[i] = more(x[i]);', undefined, [snippet]);
    expect((await failureOf(planAsync(inSnippet, gpu.device.device, { x: [4] }))).message).toMatch(
      /^bend: .*bend_more\.wgsl:3: .*in "fn more\(v: f32\) -> f32 \{ return gone; \}"/,
    );
  });

  it('is told by verifyKernel', async () => {
    const subject = withReference(kernelOf('bend', 'y[i] = x[i] + lost;'), ({ x }) => ({ y: x.data }));
    const [row] = await verifyKernel(gpu, subject, { cases });
    expect(row).toMatchObject({ status: 'failed', ok: false });
    expect(row!.message).toMatch(
      /^bend: its shader does not compile: bend\.wgsl:8: .*in "y\[i\] = x\[i\] \+ lost;"/,
    );
  });

  it('is told by verifyOperation with the expression of the row that is wrong', async () => {
    for (const [row, place] of [
      [rowOf('x * gain * lost'), /^bent: .*bent\.wgsl:1: .*in "return x \* 2\.0 \* lost;"/],
      [rowOf('let v = gain * x;\n  return v + lost;'), /^bent: .*bent\.wgsl:2: .*in "return v \+ lost;"/],
      [
        rowOf('f(x)', 'dy', 'fn f(x: V) -> V {\n  return lost;\n}'),
        /^bent: .*bent\.functions:2: .*in "return lost;"/,
      ],
    ] as const) {
      const [result] = await verifyOperation(gpu, elementwiseOperation(row, references), { cases });
      expect(result!.message).toMatch(place);
    }
  });

  it('is told of a gradient’s expression', async () => {
    const kernel = rowOf('gain * x', 'gain * dy * lost').backward.x;
    const planned = planAsync(kernel, gpu.device.device, { dy: [4] });
    expect((await failureOf(planned)).message).toMatch(
      /^bent_backward_x: .*bent\.backward\.x:1: .*in "return 2\.0 \* dy \* lost;"/,
    );
  });

  it('is told by a program that fuses the row with others', async () => {
    const bent = elementwiseOperation(rowOf('x * gain * lost'));
    const x = tensor([1, 2, 3, 4]);
    const { message } = await failureOf(mul(apply(bent, { x: mul(x, x) }, {}).y, x).data(gpu));
    expect(message).toMatch(/^mul\+bent\+mul: .*bent\.wgsl:1: .*in "return x \* 2\.0 \* lost;"/);
  });
});
