import { FoveaError, ShapeError } from '../../errors.ts';
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
import { type Dispatch, defineKernel, type KernelPlan, type PlannableKernel, type Specs } from '../kernel.ts';
import { expand } from '../shape/stridedCopy.ts';
import { chainVectorizes, type FusedChain, functionsOf, fusedSnippet, indexMode } from './fused.ts';
import { type ElementwiseExpression, type ElementwiseRow, expressionOf } from './row.ts';

/** Attributes of an elementwise kernel by name: numbers, which become literals in the shader. */
export type ElementwiseAttrs = Readonly<Record<string, number>>;

/** A row's attributes as callers give them: each may be left out. */
export type RowAttrs<R extends ElementwiseRow> = R extends { readonly attrs: infer D }
  ? { readonly [N in keyof D]?: number }
  : object;

/** Characters of names in WGSL; those of the rows are ASCII. */
export type Letter =
  | 'a'
  | 'b'
  | 'c'
  | 'd'
  | 'e'
  | 'f'
  | 'g'
  | 'h'
  | 'i'
  | 'j'
  | 'k'
  | 'l'
  | 'm'
  | 'n'
  | 'o'
  | 'p'
  | 'q'
  | 'r'
  | 's'
  | 't'
  | 'u'
  | 'v'
  | 'w'
  | 'x'
  | 'y'
  | 'z'
  | '_'
  | '0'
  | '1'
  | '2'
  | '3'
  | '4'
  | '5'
  | '6'
  | '7'
  | '8'
  | '9';

/** `N` where the expression `E` has it as a word of its own; any name where the expression is no literal. */
export type NameIn<E extends string, N extends string> = string extends E
  ? string
  : E extends `${infer Before}${N}${infer After}`
    ? Lowercase<Before> extends `${string}${Letter}`
      ? NameIn<`_${After}`, N>
      : Lowercase<After> extends `${Letter}${string}`
        ? NameIn<`_${After}`, N>
        : N
    : never;

/** Those of the names `N` that an expression uses. */
export type NamesIn<E extends string, N extends string> = N extends string ? NameIn<E, N> : never;

/** The kernel of a row, and of its gradient with respect to each argument that has one: `relu.backward.x`. */
export type ElementwiseKernel<R extends ElementwiseRow = ElementwiseRow> = PlannableKernel<
  NamesIn<R['wgsl'], R['args'][number]>,
  never,
  'y',
  ElementwiseAttrs,
  RowAttrs<R>
> & {
  readonly elementwise: ElementwiseExpression;
  readonly backward: { readonly [K in keyof R['backward'] & string]: ElementwiseBackwardKernel<R, K> };
};

/**
 * The gradient's kernel. Its inputs are dy, the arguments and y, as far as its expression uses them; its output is `d` and
 * the argument's name; its attributes are the row's.
 */
export type ElementwiseBackwardKernel<
  R extends ElementwiseRow = ElementwiseRow,
  K extends keyof R['backward'] & string = string,
> = PlannableKernel<
  NamesIn<R['backward'][K], 'dy' | 'y' | R['args'][number]>,
  never,
  `d${K}`,
  ElementwiseAttrs,
  RowAttrs<R>
> & { readonly elementwise: ElementwiseExpression };

/** One dispatch for a chain whose inputs all read by one of fused.ts's index modes. */
export function chainDispatch(chain: FusedChain, output: TensorSpec, bind: Record<string, string>): Dispatch {
  const lanes = chainVectorizes(chain, output.shape) ? 4 : 1;
  const total = numel(output.shape) / lanes;
  const value = lanes === 4 ? 'vec4f' : chain.dtype;
  return {
    shader: elementwiseShader,
    snippets: [...functionsOf(chain), fusedSnippet(chain, output.shape, 2, 'apply', lanes)],
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

function expressionKernel(name: string, expression: ElementwiseExpression) {
  const { row, backwardTo } = expression;
  const inputs = expressionOf(expression).uses;
  const result: string = backwardTo === undefined ? 'y' : `d${backwardTo}`;
  return defineKernel({
    name,
    inputs,
    outputs: [result],
    elementwise: expression,
    attributes: Object.keys(row.attrs ?? {}),
    infer(specs: Specs, attrs: ElementwiseAttrs): Specs {
      for (const [attr, value] of Object.entries(attrs)) expectNumber(name, attr, value);
      const given = inputs.map((input) => specs[input]!);
      const first = given[0]!;
      const allowed: readonly DType[] = row.integer ? ['f32', 'f16', 'i32'] : ['f32', 'f16'];
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
      const step = {
        ...expression,
        attrs,
        args: Object.fromEntries(inputs.map((input, k) => [input, `in${k}`])),
      };
      const dtype = output.dtype === 'f16' ? 'f32' : output.dtype;
      const chain: FusedChain = { inputs: read, steps: [step], dtype };
      return { scratch, dispatches: [...before, chainDispatch(chain, output, bind)] };
    },
  });
}

/**
 * An elementwise kernel from its row: forward, and one kernel per gradient. Programs fuse it with its neighbours. Shapes
 * broadcast as in NumPy; f16 and f32 give f32, unless the f32 is a scalar. Throws FoveaError where a name is no WGSL
 * identifier, and where `backward` is missing.
 */
export function defineElementwise<const R extends ElementwiseRow>(row: R): ElementwiseKernel<R> {
  const bad = [row.name, ...row.args, ...Object.keys(row.attrs ?? {})].find(
    (name) => !/^[a-z]\w*$/i.test(name),
  );
  if (bad !== undefined) {
    throw new FoveaError(`defineElementwise: "${bad}" cannot be a name in WGSL; use letters, digits and _`);
  }
  if (Object(row.backward) !== row.backward) {
    throw new FoveaError(
      `defineElementwise: ${row.name} needs backward: an expression for each argument that has a gradient, or {}`,
    );
  }
  const backward = Object.fromEntries(
    Object.keys(row.backward).map((arg) => [
      arg,
      expressionKernel(`${row.name}_backward_${arg}`, { row, backwardTo: arg }),
    ]),
  );
  return { ...expressionKernel(row.name, { row }), backward } as unknown as ElementwiseKernel<R>;
}
