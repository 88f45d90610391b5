import { ShapeError } from '../../errors.ts';
import {
  broadcastShapes,
  byteLength,
  type DType,
  expectDType,
  expectNumber,
  formatSpec,
  isFloat,
  numel,
  type Shape,
  type TensorSpec,
} from '../../shape.ts';
import elementwiseShader from '../../wgsl/elementwise/elementwise.wgsl';
import special from '../../wgsl/elementwise/lib/special.wgsl';
import { type Dispatch, defineKernel, type KernelPlan, type PlannableKernel, type Specs } from '../kernel.ts';
import { expand } from '../shape/stridedCopy.ts';
import { type ElementwiseName, elementwiseRows } from './elementwiseRows.ts';
import {
  chainVectorizes,
  expressionOf,
  type FusedChain,
  fusedSnippet,
  indexMode,
  needsSpecial,
} from './fused.ts';

type Rows = typeof elementwiseRows;
type BackwardName = {
  [K in ElementwiseName]: `${K}_backward_${Extract<keyof Rows[K]['backward'], string>}`;
}[ElementwiseName];

/** Every elementwise operation, and its gradient to each argument as an operation of its own. */
export type ElementwiseOp = ElementwiseName | BackwardName;

/** The attributes that stand in a row, with its defaults. */
type AttrsOf<K extends ElementwiseName> = Rows[K] extends { readonly attrs: infer D }
  ? { readonly [N in keyof D]?: number }
  : object;

type ElementwiseKernels = {
  readonly [K in ElementwiseName]: PlannableKernel<
    Rows[K]['args'][number],
    never,
    'y',
    ElementwiseAttrs,
    AttrsOf<K>
  >;
} & {
  readonly [K in BackwardName]: PlannableKernel<string, never, string, ElementwiseAttrs, ElementwiseAttrs>;
};

export type ElementwiseAttrs = Readonly<Record<string, number>>;

/** What an elementwise operation's name stands for. */
export interface ElementwiseRef {
  readonly row: ElementwiseName;
  readonly backwardTo?: string;
}

/** One dispatch for a chain whose inputs all read by one of fused.ts's index modes. */
export function chainDispatch(chain: FusedChain, output: TensorSpec, bind: Record<string, string>): Dispatch {
  const lanes = chainVectorizes(chain, output.shape) ? 4 : 1;
  const total = numel(output.shape) / lanes;
  const value = lanes === 4 ? 'vec4f' : chain.dtype;
  return {
    shader: elementwiseShader,
    snippets: [
      ...(needsSpecial(chain) ? [special] : []),
      fusedSnippet(chain, output.shape, 2, 'apply', lanes),
    ],
    types: { V: value, Y: lanes === 4 ? `vec4<${output.dtype}>` : output.dtype },
    constants: { LANES: lanes },
    params: { total },
    bind,
    grid: total,
  };
}

/** f16 only where all are, as in PyTorch; among tensors with dimensions, a scalar of shape [] has no say. */
function promoted(floats: readonly TensorSpec[]): DType {
  const dimensioned = floats.filter((spec) => spec.shape.length > 0);
  const deciding = dimensioned.length > 0 ? dimensioned : floats;
  return deciding.every((spec) => spec.dtype === 'f16') ? 'f16' : 'f32';
}

function elementwiseKernel([name, ref]: readonly [string, ElementwiseRef]) {
  const inputs = expressionOf(ref).uses;
  const result: string = ref.backwardTo === undefined ? 'y' : `d${ref.backwardTo}`;
  const { integer = false } = elementwiseRows[ref.row] as { integer?: boolean };
  return defineKernel({
    name,
    inputs,
    outputs: [result],
    infer(specs: Specs, attrs: ElementwiseAttrs): Specs {
      for (const [attr, value] of Object.entries(attrs)) expectNumber(name, attr, value);
      const given = inputs.map((input) => specs[input]!);
      const first = given[0]!;
      const allowed: readonly DType[] = integer ? ['f32', 'f16', 'i32'] : ['f32', 'f16'];
      expectDType(name, inputs[0]!, first, ...allowed);
      for (const [k, spec] of given.entries()) {
        if (spec.dtype !== first.dtype && !(isFloat(spec.dtype) && isFloat(first.dtype))) {
          throw new ShapeError(
            `${name}: dtypes differ: ${formatSpec(inputs[0]!, first)}, ${formatSpec(inputs[k]!, spec)}; cast one of them`,
          );
        }
      }
      const shape = given.reduce<Shape>((out, spec) => broadcastShapes(name, out, spec.shape), []);
      const spec = { shape, dtype: isFloat(first.dtype) ? promoted(given) : first.dtype };
      return { [result]: spec };
    },
    dispatches(caps, specs: Specs, outputs: Specs, attrs): KernelPlan {
      const [outputName, output] = Object.entries(outputs)[0]!;
      const scratch: Record<string, number> = {};
      const before: Dispatch[] = [];
      const bind: Record<string, string> = { y: outputName };
      const read = inputs.map((input, k) => {
        const spec = specs[input]!;
        bind[`in${k}`] = input;
        if (indexMode(spec.shape, output.shape)) return spec;
        const expanded = `expanded_${input}`;
        const copy = { shape: output.shape, dtype: spec.dtype };
        scratch[expanded] = byteLength(copy);
        bind[`in${k}`] = expanded;
        const plan = expand.dispatches(caps, { x: spec }, { y: copy }, { shape: output.shape });
        before.push(...plan.dispatches.map((dispatch) => ({ ...dispatch, bind: { x: input, y: expanded } })));
        return copy;
      });
      const step = { ...ref, attrs, args: Object.fromEntries(inputs.map((input, k) => [input, `in${k}`])) };
      const dtype = output.dtype === 'f16' ? 'f32' : output.dtype;
      const chain: FusedChain = { inputs: read, steps: [step], dtype };
      return { scratch, dispatches: [...before, chainDispatch(chain, output, bind)] };
    },
  });
}

const refs: ReadonlyMap<string, ElementwiseRef> = /* @__PURE__ */ new Map(
  /* @__PURE__ */ (Object.keys(elementwiseRows) as ElementwiseName[]).flatMap((row) => [
    [row, { row }] as const,
    ...Object.keys(elementwiseRows[row].backward).map(
      (arg) => [`${row}_backward_${arg}`, { row, backwardTo: arg }] as const,
    ),
  ]),
);

/** The row behind an operation's name, or undefined where it is not elementwise. */
export const elementwiseRef = (op: string): ElementwiseRef | undefined => refs.get(op);

/** relu, add, … by name: `elementwiseKernels.relu.plan(device, { x: [8, 8] })`. Shapes broadcast as NumPy's do. */
export const elementwiseKernels = /* @__PURE__ */ Object.fromEntries(
  /* @__PURE__ */ [...refs].map((entry) => [entry[0], /* @__PURE__ */ elementwiseKernel(entry)]),
) as unknown as ElementwiseKernels;
