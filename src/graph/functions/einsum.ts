import { ShapeError } from '../../errors.ts';
import { formatShape, numel } from '../../shape.ts';
import { Tensor } from '../tensor.ts';
import { mul } from './elementwise.ts';
import { matmul, sum } from './reduce.ts';
import { permute, slice } from './shape.ts';

/** A tensor with a label for each dimension; dimensions of an ellipsis are called .0, .1, … from the last on. */
interface Term {
  readonly x: Tensor;
  readonly labels: readonly string[];
}

interface Parsed {
  readonly terms: Term[];
  readonly output: readonly string[];
  readonly sizes: ReadonlyMap<string, number>;
}

function fail(equation: string, problem: string): never {
  throw new ShapeError(`einsum: "${equation}": ${problem}`);
}

/** The labels of a term such as `b...ij`; an ellipsis gets so many. */
function labelsOf(equation: string, text: string, ellipsis: number): string[] {
  const tokens = text.match(/\.\.\.|[A-Za-z]/g) ?? [];
  if (tokens.join('') !== text || tokens.filter((token) => token === '...').length > 1) {
    fail(equation, `"${text}" must be letters, and at most one ellipsis of three dots`);
  }
  return tokens.flatMap((token) =>
    token === '...' ? Array.from({ length: ellipsis }, (_, i) => `.${ellipsis - 1 - i}`) : [token],
  );
}

function parse(equation: string, operands: readonly Tensor[]): Parsed {
  if (typeof equation !== 'string') {
    throw new ShapeError(`einsum: the equation is ${String(equation)}; give a text such as 'ij,jk->ik'`);
  }
  const [left, right, ...more] = equation.replaceAll(' ', '').split('->');
  if (more.length > 0) fail(equation, 'has more than one ->');
  const texts = left!.split(',');
  if (texts.length !== operands.length) {
    fail(equation, `has ${texts.length} terms for ${operands.length} tensors`);
  }
  const sizes = new Map<string, number>();
  const terms = operands.map((x, k): Term => {
    if (!(x instanceof Tensor)) fail(equation, `operand ${k} is ${String(x)}, no tensor`);
    const text = texts[k]!;
    const rank = x.shape.length;
    const letters = text.replace('...', '').length;
    const labels = labelsOf(equation, text, text.includes('...') ? Math.max(rank - letters, 0) : 0);
    if (labels.length !== rank) {
      fail(equation, `"${text}" has ${letters} letters for operand ${k} ${formatShape(x.shape)}`);
    }
    labels.forEach((label, i) => {
      const [size, before = 1] = [x.shape[i]!, sizes.get(label)];
      if (size !== before && size !== 1 && before !== 1) {
        fail(equation, `${label} is ${before} and ${size} (operand ${k} ${formatShape(x.shape)})`);
      }
      sizes.set(label, before === 1 ? size : before);
    });
    return { x, labels };
  });
  const known = [...sizes.keys()];
  const dots = known
    .filter((label) => label.startsWith('.'))
    .sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const all = terms.flatMap(({ labels }) => labels);
  // Without an output: the letters that occur once, in alphabetical order, after the ellipsis.
  const once = known.filter(
    (label) => /[A-Za-z]/.test(label) && all.filter((other) => other === label).length === 1,
  );
  const output = right === undefined ? [...dots, ...once.sort()] : labelsOf(equation, right, dots.length);
  for (const [i, label] of output.entries()) {
    if (!sizes.has(label)) fail(equation, `${label} of the output is in no term`);
    if (output.indexOf(label) !== i) fail(equation, `${label} occurs twice in the output`);
  }
  return { terms, output, sizes };
}

const ordered = ({ x, labels }: Term, order: readonly string[]): Tensor =>
  order.every((label, i) => label === labels[i])
    ? x
    : permute(
        x,
        order.map((label) => labels.indexOf(label)),
      );

/** Without the dimensions of these labels, which are summed. */
function summed({ x, labels }: Term, keep: (label: string) => boolean): Term {
  const dim = labels.flatMap((label, i) => (keep(label) ? [] : [i]));
  return dim.length === 0 ? { x, labels } : { x: sum(x, { dim }), labels: labels.filter(keep) };
}

/** A label that occurs twice stands for the diagonal. A dimension of 1 that is larger elsewhere is left out: it broadcasts. */
function simplified({ x, labels }: Term, sizes: ReadonlyMap<string, number>): Term {
  const repeated = labels.find((label, i) => labels.indexOf(label) !== i);
  if (repeated !== undefined) {
    const [first, second] = [labels.indexOf(repeated), labels.lastIndexOf(repeated)];
    const others = labels.map((_, i) => i).filter((i) => i !== first && i !== second);
    const [n, m] = [x.shape[first]!, x.shape[second]!];
    const lead = others.map((i) => x.shape[i]!);
    const moved = permute(x, [...others, first, second]).reshape([...lead, n * m]);
    // Of 1 by m the diagonal is the row, which broadcasts.
    const step = n === 1 || m === 1 ? 1 : n + 1;
    const diagonal = slice(moved, [...lead.map(() => [] as const), [null, null, step]]);
    return simplified({ x: diagonal, labels: [...others.map((i) => labels[i]!), repeated] }, sizes);
  }
  const kept = labels.map((label, i) => x.shape[i] !== 1 || sizes.get(label) === 1);
  return {
    x: x.reshape(x.shape.filter((_, i) => kept[i])),
    labels: labels.filter((_, i) => kept[i]),
  };
}

/** The product of two terms, summed over what neither the output nor a later term has. */
function contracted(
  left: Term,
  right: Term,
  keep: (label: string) => boolean,
  sizeOf: (labels: readonly string[]) => number[],
): Term {
  const a = summed(left, (label) => keep(label) || right.labels.includes(label));
  const b = summed(right, (label) => keep(label) || left.labels.includes(label));
  const both = a.labels.filter((label) => b.labels.includes(label));
  const batch = both.filter(keep);
  const over = both.filter((label) => !keep(label));
  const own = a.labels.filter((label) => !both.includes(label));
  const other = b.labels.filter((label) => !both.includes(label));
  const labels = [...batch, ...own, ...other];
  const shape = sizeOf(labels);
  const [B, L, K, R] = [batch, own, over, other].map((part) => numel(sizeOf(part))) as [
    number,
    number,
    number,
    number,
  ];
  const rows = ordered(a, [...batch, ...own, ...over]);
  const columns = ordered(b, [...batch, ...over, ...other]);
  // Where nothing is summed, products of broadcast elements are faster than matrices of one column.
  const y =
    over.length === 0
      ? mul(rows.reshape([B, L, 1]), columns.reshape([B, 1, R]))
      : matmul(rows.reshape([B, L, K]), columns.reshape([B, K, R]));
  return { x: y.reshape(shape), labels };
}

/**
 * Sums of products by an equation, as PyTorch's and NumPy's einsum: `einsum('bij,bjk->bik', a, b)` is a batch of matrix
 * products. Each operand's dimensions have letters; what the output does not have is summed. A letter twice in one term
 * is the diagonal; `...` stands for dimensions that broadcast; sizes of 1 broadcast. Without `->` the output is the
 * ellipsis, then the letters that occur once, in alphabetical order. Operands are multiplied from left to right, pairs
 * that share a summed letter as matrix products; these take f32 or f16, all of one dtype, everything else i32 too.
 * Differentiable. Throws ShapeError where the equation is wrong or does not fit.
 */
export function einsum(equation: string, ...operands: readonly Tensor[]): Tensor {
  const { terms, output, sizes } = parse(equation, operands);
  const sizeOf = (labels: readonly string[]): number[] => labels.map((label) => sizes.get(label)!);
  const [first, ...others] = terms.map((term) => simplified(term, sizes));
  let result = first!;
  others.forEach((term, k) => {
    const later = new Set([...output, ...others.slice(k + 1).flatMap(({ labels }) => labels)]);
    result = contracted(result, term, (label) => later.has(label), sizeOf);
  });
  return ordered(
    summed(result, (label) => output.includes(label)),
    output,
  );
}
