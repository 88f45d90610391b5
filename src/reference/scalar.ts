import type { ElementwiseKernel } from '../kernels/elementwise/elementwise.ts';
import { type ElementwiseExpression, expressionOf } from '../kernels/elementwise/row.ts';
import { numel, type Shape, stridesOf, type TensorSpec } from '../shape.ts';
import { type RefArray, type Reference, refArray } from './reference.ts';

/** Computes one element in float64 from arguments and attributes by name. */
export type ScalarRule = (v: Readonly<Record<string, number>>) => number;

/**
 * What an elementwise row computes, in float64: of one element each. `v` holds the arguments and attributes by name; for
 * gradients also y, the result, and g, the gradient of the loss with respect to it.
 */
export interface ScalarRules {
  /** The result. */
  readonly forward: ScalarRule;
  /** One rule for each gradient of the row. */
  readonly backward: Readonly<Record<string, ScalarRule>>;
}

/** The offset into an input of every element of the output, by NumPy's broadcasting. */
function* broadcastOffsets(input: Shape, output: Shape): Generator<number> {
  const strides = stridesOf(input);
  const aligned = output.map((_, i) => {
    const k = i - output.length + input.length;
    return k < 0 || input[k] === 1 ? 0 : strides[k]!;
  });
  const total = numel(output);
  for (let i = 0; i < total; i++) {
    let rest = i;
    let offset = 0;
    for (let d = output.length - 1; d >= 0; d--) {
      offset += (rest % output[d]!) * aligned[d]!;
      rest = Math.floor(rest / output[d]!);
    }
    yield offset;
  }
}

function elementwiseReference<Y extends string>(
  expression: ElementwiseExpression,
  rule: ScalarRule,
): ElementwiseReference<Y> {
  const names = expressionOf(expression).uses;
  return (inputs, attrs, outputs) => {
    const [outputName, spec] = Object.entries<TensorSpec>(outputs)[0]!;
    const y = refArray(spec);
    const offsets = names.map((name) => broadcastOffsets(inputs[name]!.shape, spec.shape));
    const v: Record<string, number> = { ...expression.row.attrs, ...attrs };
    for (let i = 0; i < y.length; i++) {
      names.forEach((name, k) => {
        v[name] = inputs[name]!.data[offsets[k]!.next().value as number]!;
      });
      y[i] = rule(v);
    }
    return { [outputName]: y } as { readonly [K in Y]: RefArray };
  };
}

/** The reference of an elementwise expression: its arguments by name, one output. */
export type ElementwiseReference<Y extends string = string> = Reference<
  string,
  never,
  Y,
  Readonly<Record<string, number>>
>;

/** The float64 references of an elementwise operation and of its gradient with respect to each argument. */
export interface ElementwiseReferences {
  readonly forward: ElementwiseReference<'y'>;
  readonly backward: Readonly<Record<string, ElementwiseReference>>;
}

/** The references of an elementwise kernel and of its gradients, from rules for one element; inputs broadcast. */
export function scalarReferences(
  { elementwise, backward }: ElementwiseKernel,
  rules: ScalarRules,
): ElementwiseReferences {
  const gradients = Object.entries<ElementwiseKernel['backward'][string]>(backward).map(([arg, kernel]) => [
    arg,
    elementwiseReference(kernel.elementwise, rules.backward[arg]!),
  ]);
  return {
    forward: elementwiseReference(elementwise, rules.forward),
    backward: Object.fromEntries(gradients),
  };
}
