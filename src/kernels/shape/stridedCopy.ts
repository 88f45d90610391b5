import { ShapeError } from '../../errors.ts';
import {
  expectList,
  expectShape,
  formatShape,
  formatSpec,
  isFloat,
  numel,
  type Shape,
  stridesOf,
  type TensorSpec,
} from '../../shape.ts';
import stridedCopyShader from '../../wgsl/shape/strided_copy.wgsl';
import transposeShader from '../../wgsl/shape/transpose.wgsl';
import { defineKernel, type Given, type KernelPlan, wgslType } from '../kernel.ts';

/** One dimension of y: element c comes from (c + shift) / step of an axis of x, if 0 <= that < extent. */
interface Axis {
  readonly size: number;
  /** Elements of x from one step of this axis to the next. */
  readonly stride: number;
  readonly shift: number;
  readonly step: number;
  readonly extent: number;
}

const plain = (size: number, stride: number): Axis => ({ size, stride, shift: 0, step: 1, extent: size });
const isPlain = (axis: Axis): boolean => axis.shift === 0 && axis.step === 1 && axis.extent === axis.size;

/** Axes that run on into each other become one; axes of one element vanish. */
function collapse(axes: readonly Axis[]): Axis[] {
  const result: Axis[] = [];
  for (const axis of axes) {
    if (axis.size === 1 && isPlain(axis)) continue;
    const last = result.at(-1);
    if (last && last.step === 1 && isPlain(axis) && last.stride === axis.stride * axis.size) {
      result[result.length - 1] = {
        size: last.size * axis.size,
        stride: axis.stride,
        shift: last.shift * axis.size,
        step: 1,
        extent: last.extent * axis.size,
      };
    } else result.push(axis);
  }
  return result.length > 0 ? result : [plain(1, 0)];
}

const vec4Fits = (axes: readonly Axis[], base: number): boolean => {
  const last = axes.at(-1)!;
  const whole = [base, last.size, last.shift, last.extent, ...axes.slice(0, -1).map((axis) => axis.stride)];
  return last.stride === 1 && last.step === 1 && whole.every((n) => n % 4 === 0);
};

/** y = x at the places that `axes` (all of y's, outermost first) and `base` tell, `value` where there is none. */
function planCopy(y: TensorSpec, all: readonly Axis[], base = 0, value = 0): KernelPlan {
  const count = numel(y.shape);
  if (count === 0) return { dispatches: [] };
  const axes = collapse(all);
  const T = wgslType(y.dtype);
  const checked = !axes.every(isPlain);
  const [columns, rows] = axes.slice(-2);
  if (!checked && axes.length <= 3 && base === 0 && rows && columns?.stride === 1) {
    const batch = axes.length === 3 ? axes[0]!.stride : 0;
    if ([columns.size, rows.size, rows.stride, batch].every((n) => n % 4 === 0 && n >= 0)) {
      const params = {
        total: count / 16,
        rows: rows.size / 4,
        columns: columns.size / 4,
        stride: rows.stride / 4,
        batch: batch / 4,
      };
      return {
        dispatches: [{ shader: transposeShader, types: { X: `vec4<${T}>` }, params, grid: count / 16 }],
      };
    }
  }
  const width = vec4Fits(axes, base) ? 4 : 1;
  const total = count / width;
  const params: Record<string, number> = { total, base: base / width, fill: bitsOf(value, y) };
  for (let d = 0; d < 6; d++) {
    const axis = axes[d] ?? plain(1, 0);
    const scale = d === axes.length - 1 ? width : 1;
    if (d > 0) params[`size${d}`] = axis.size / scale;
    params[`stride${d}`] = d === axes.length - 1 ? axis.stride : axis.stride / width;
    params[`shift${d}`] = axis.shift / scale;
    params[`step${d}`] = axis.step;
    params[`extent${d}`] = axis.extent / scale;
  }
  const F = y.dtype === 'f16' ? 'f32' : T;
  return {
    dispatches: [
      {
        shader: stridedCopyShader,
        types: { T, F, X: width === 4 ? `vec4<${T}>` : T },
        constants: {
          RANK: axes.length,
          CHECKED: checked,
          STEPPED: axes.some((axis) => axis.step !== 1),
        },
        params,
        grid: total,
      },
    ],
  };
}

/** The bits of a fill value in the tensor's 32-bit type. */
function bitsOf(value: number, { dtype }: TensorSpec): number {
  if (dtype === 'i32' || dtype === 'u32') return value >>> 0;
  return new Uint32Array(Float32Array.of(value).buffer)[0]!;
}

function checkRank(op: string, spec: TensorSpec, ...lists: readonly (readonly [string, number])[]): void {
  const rank = spec.shape.length;
  if (rank > 6)
    throw new ShapeError(`${op}: ${formatSpec('x', spec)} has rank ${rank}, at most 6; reshape it`);
  for (const [name, length] of lists) {
    if (length !== rank) {
      throw new ShapeError(
        `${op}: ${name} has ${length} entries, x has rank ${rank} (${formatSpec('x', spec)}); give one a dimension`,
      );
    }
  }
}

/** Attributes of `permute`. */
export interface PermuteAttrs {
  /** Dimension d of y is dimension dims[d] of x. */
  readonly dims: readonly number[];
}

/** Dimensions in another order (torch.permute): y.shape[d] = x.shape[dims[d]]. Any dtype, rank <= 6. */
export const permute = defineKernel({
  name: 'permute',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['dims'],
  infer({ x }, { dims }: PermuteAttrs) {
    expectList('permute', 'dims', dims);
    checkRank('permute', x, ['dims', dims.length]);
    if ([...dims].sort((a, b) => a - b).some((dim, d) => dim !== d)) {
      throw new ShapeError(
        `permute: dims [${dims}] must name each of 0..${x.shape.length - 1} once (${formatSpec('x', x)})`,
      );
    }
    return { y: { shape: dims.map((dim) => x.shape[dim]!), dtype: x.dtype } };
  },
  dispatches(_caps, { x }, { y }, { dims }) {
    const strides = stridesOf(x.shape);
    return planCopy(
      y,
      dims.map((dim) => plain(x.shape[dim]!, strides[dim]!)),
    );
  },
});

/** Attributes of `slice`: one number per dimension of x in each list. */
export interface SliceAttrs {
  /** The first element taken. */
  readonly starts: readonly number[];
  /** From one element taken to the next; not 0, may be negative. */
  readonly steps: readonly number[];
  /** How many elements are taken. */
  readonly sizes: readonly number[];
}

function checkSlice(op: string, shape: Shape, { starts, steps, sizes }: SliceAttrs): void {
  shape.forEach((extent, d) => {
    const [start, step, size] = [starts[d]!, steps[d]!, sizes[d]!];
    const last = start + (size - 1) * step;
    const whole = [start, step, size].every(Number.isInteger) && step !== 0 && size >= 0;
    if (!whole || (size > 0 && (Math.min(start, last) < 0 || Math.max(start, last) >= extent))) {
      throw new ShapeError(
        `${op}: ${size} elements from ${start} by ${step} do not lie in dimension ${d} of ${formatShape(shape)}; use whole numbers, a step other than 0, and stay within 0..${extent - 1}`,
      );
    }
  });
}

/**
 * `y[c] = x[starts + c * steps]`, y.shape = sizes. Any dtype, rank <= 6. Negative steps walk backwards (NumPy;
 * torch.flip of a slice). Throws ShapeError where a slice leaves x.
 */
export const slice = defineKernel({
  name: 'slice',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['starts', 'steps', 'sizes'],
  infer({ x }, attrs: SliceAttrs) {
    const { starts, steps, sizes } = attrs;
    for (const [name, list] of Object.entries({ starts, steps, sizes })) expectList('slice', name, list);
    checkRank('slice', x, ['starts', starts.length], ['steps', steps.length], ['sizes', sizes.length]);
    checkSlice('slice', x.shape, attrs);
    return { y: { shape: sizes, dtype: x.dtype } };
  },
  dispatches(_caps, { x }, { y }, { starts, steps, sizes }) {
    const strides = stridesOf(x.shape);
    const base = strides.reduce((at, stride, d) => at + stride * starts[d]!, 0);
    return planCopy(
      y,
      strides.map((stride, d) => plain(sizes[d]!, stride * steps[d]!)),
      base,
    );
  },
});

/** Attributes of `sliceBackward`: those of the `slice` whose gradient it computes, and the shape of its input. */
export interface SliceBackwardAttrs {
  /** Those of `slice`. */
  readonly starts: readonly number[];
  /** Those of `slice`. */
  readonly steps: readonly number[];
  /** The shape of the x that was sliced. */
  readonly inputShape: Shape;
}

/** The gradient of slice to x: dy at the places it came from, 0 elsewhere. */
export const sliceBackward = defineKernel({
  name: 'slice_backward',
  inputs: ['dy'],
  outputs: ['dx'],
  attributes: ['starts', 'steps', 'inputShape'],
  infer({ dy }, { starts, steps, inputShape }: SliceBackwardAttrs) {
    for (const [name, list] of Object.entries({ starts, steps, inputShape }))
      expectList('slice_backward', name, list);
    const lists = [starts.length, steps.length, inputShape.length] as const;
    checkRank('slice_backward', dy, ['starts', lists[0]], ['steps', lists[1]], ['inputShape', lists[2]]);
    checkSlice('slice_backward', inputShape, { starts, steps, sizes: dy.shape });
    return { dx: { shape: inputShape, dtype: dy.dtype } };
  },
  dispatches(_caps, { dy }, { dx }, { starts, steps, inputShape }) {
    const strides = stridesOf(dy.shape);
    const axes = inputShape.map((size, d): Axis => {
      const extent = dy.shape[d]!;
      // A single element needs no step, and without one its axis may merge with others.
      const step = extent <= 1 ? 1 : steps[d]!;
      return { size, stride: strides[d]!, shift: -starts[d]!, step, extent };
    });
    const plan = planCopy(dx, axes);
    return { dispatches: plan.dispatches.map((dispatch) => ({ ...dispatch, bind: { x: 'dy', y: 'dx' } })) };
  },
});

/** Attributes of `pad`. */
export interface PadAttrs {
  /** Elements added before and after, for each dimension of x; negative ones crop. */
  readonly padding: readonly (readonly [number, number])[];
  /** Default 0. */
  readonly value: number;
}

/** x with `value` around it (torch.nn.functional.pad, mode "constant"). Any dtype, rank <= 6. */
export const pad = defineKernel({
  name: 'pad',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ({ padding, value = 0 }: Given<PadAttrs, 'padding'>): PadAttrs => ({ padding, value }),
  infer({ x }, { padding, value }: PadAttrs) {
    expectList('pad', 'padding', padding);
    checkRank('pad', x, ['padding', padding.length]);
    if (!isFloat(x.dtype) && !Number.isInteger(value)) {
      throw new ShapeError(
        `pad: value ${value} is no ${x.dtype} (${formatSpec('x', x)}); use a whole number`,
      );
    }
    const shape = x.shape.map((size, d) => size + padding[d]![0] + padding[d]![1]);
    if (!shape.every((size) => Number.isInteger(size) && size >= 0)) {
      throw new ShapeError(
        `pad: padding ${JSON.stringify(padding)} makes ${formatSpec('x', x)} into ${formatShape(shape)}; use whole numbers that crop no more than there is`,
      );
    }
    return { y: { shape, dtype: x.dtype } };
  },
  dispatches(_caps, { x }, { y }, { padding, value }) {
    const strides = stridesOf(x.shape);
    const axes = x.shape.map(
      (extent, d): Axis => ({
        size: y.shape[d]!,
        stride: strides[d]!,
        shift: -padding[d]![0],
        step: 1,
        extent,
      }),
    );
    return planCopy(y, axes, 0, value);
  },
});

/** Attributes of `flip`. */
export interface FlipAttrs {
  /** Dimensions to reverse, counted from the front. */
  readonly dims: readonly number[];
}

/** x with the order of elements reversed along dims (torch.flip). Any dtype, rank <= 6. */
export const flip = defineKernel({
  name: 'flip',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['dims'],
  infer({ x }, { dims }: FlipAttrs) {
    checkRank('flip', x);
    const rank = x.shape.length;
    expectList('flip', 'dims', dims);
    if (!dims.every((dim) => Number.isInteger(dim) && dim >= 0 && dim < rank)) {
      throw new ShapeError(`flip: dims [${dims}] must lie in 0..${rank - 1} (${formatSpec('x', x)})`);
    }
    return { y: x };
  },
  dispatches(_caps, { x }, { y }, { dims }) {
    let base = 0;
    const strides = stridesOf(x.shape);
    const axes = x.shape.map((size, d) => {
      if (!dims.includes(d)) return plain(size, strides[d]!);
      base += (size - 1) * strides[d]!;
      return plain(size, -strides[d]!);
    });
    return planCopy(y, axes, base);
  },
});

/** Attributes of `expand`. */
export interface ExpandAttrs {
  /** The shape to repeat x to; x's dimensions are its last ones. */
  readonly shape: Shape;
}

/**
 * x repeated along dimensions of size 1 and new leading ones (torch.expand, torch.broadcast_to). Any dtype,
 * rank <= 6. Throws ShapeError where a size of x is neither 1 nor the wanted one.
 */
export const expand = defineKernel({
  name: 'expand',
  inputs: ['x'],
  outputs: ['y'],
  attributes: ['shape'],
  infer({ x }, { shape }: ExpandAttrs) {
    expectShape('expand', shape);
    const y: TensorSpec = { shape, dtype: x.dtype };
    checkRank('expand', y);
    const more = shape.length - x.shape.length;
    if (more < 0 || x.shape.some((size, d) => size !== 1 && size !== shape[d + more])) {
      throw new ShapeError(
        `expand: ${formatSpec('x', x)} does not broadcast to ${formatShape(shape)}; every size of x, from the last, must be 1 or the wanted one`,
      );
    }
    return { y };
  },
  dispatches(_caps, { x }, { y }, { shape }) {
    const strides = stridesOf(x.shape);
    const more = shape.length - x.shape.length;
    const axes = shape.map((size, d) => plain(size, (x.shape[d - more] ?? 1) === 1 ? 0 : strides[d - more]!));
    return planCopy(y, axes);
  },
});
