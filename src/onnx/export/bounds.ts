import { baseOf, type Node, type Tensor } from '../../graph/tensor.ts';

/** The least and the greatest value that whole numbers of a tensor can have, as far as the graph tells. */
export type Bounds = readonly [low: number, high: number];

/** The number in a tensor of one constant element. */
function constantOf(tensor: Tensor): number | undefined {
  const { origin } = baseOf(tensor);
  return origin.kind === 'constant' && origin.data.length === 1 ? origin.data[0] : undefined;
}

const union = (all: readonly (Bounds | undefined)[]): Bounds | undefined => {
  if (!all.every((bounds) => bounds !== undefined)) return undefined;
  return [Math.min(...all.map(([low]) => low)), Math.max(...all.map(([, high]) => high))];
};

/** Bounds after a function that keeps the order, or turns it round. */
const through = (bounds: Bounds | undefined, fn: (value: number) => number): Bounds | undefined => {
  if (!bounds) return undefined;
  const ends = bounds.map(fn);
  return [Math.min(...ends), Math.max(...ends)];
};

function ofNode(node: Node, output: string): Bounds | undefined {
  const { op, inputs, attrs } = node;
  const of = (name: string) => boundsOf(inputs[name]!);
  const last = (name: string): Bounds => [0, inputs[name]!.shape.at(-1)! - 1];
  const [a, b] = [inputs.a, inputs.b];
  const second = b && constantOf(b);
  switch (op) {
    case 'topk':
    case 'sort':
      return output === 'indices' ? last('x') : undefined;
    case 'argmax':
      return last('x');
    case 'nms':
      return output === 'indices' ? [-1, inputs.scores!.shape[1]! - 1] : [0, inputs.scores!.shape[1]!];
    case 'remainder':
      return second !== undefined && second > 0 ? [0, second - 1] : undefined;
    case 'div':
      return second !== undefined && second > 0
        ? through(of('a'), (value) => Math.trunc(value / second))
        : undefined;
    case 'mul':
      return second === undefined ? undefined : through(of('a'), (value) => value * second);
    case 'add':
    case 'sub': {
      if (!a || !b) return undefined;
      const [left, right] = [boundsOf(a), boundsOf(b)];
      if (!left || !right) return undefined;
      return op === 'add'
        ? [left[0] + right[0], left[1] + right[1]]
        : [left[0] - right[1], left[1] - right[0]];
    }
    case 'where':
      return union([of('a'), of('b')]);
    case 'concat':
      return union(Object.values(inputs).map(boundsOf));
    // Rows that are not there are zeros.
    case 'gather_rows':
    case 'gather':
      return union([of('x'), [0, 0]]);
    case 'pad':
      return union([of('x'), through([0, 0], () => Number((attrs as { value?: number }).value ?? 0))]);
    case 'permute':
    case 'slice':
    case 'flip':
    case 'expand':
    case 'amax':
      return of('x');
    case 'cast':
      return inputs.x!.dtype === 'i32' ? of('x') : undefined;
    default:
      return undefined;
  }
}

/** Bounds of a tensor of i32, or undefined where the graph tells none. */
export function boundsOf(tensor: Tensor): Bounds | undefined {
  const { origin, dtype } = baseOf(tensor);
  if (dtype !== 'i32') return undefined;
  if (origin.kind === 'op') return ofNode(origin.node, origin.output);
  if (origin.kind !== 'constant' || origin.data.length === 0) return undefined;
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of origin.data) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return [low, high];
}
