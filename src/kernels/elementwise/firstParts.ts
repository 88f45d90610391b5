import type { Dispatch } from '../dispatch.ts';
import { functionsOf, fusedSnippet, type PartsSum } from './fused.ts';

/** The same WGSL with another name for all that it declares. */
function renamed(text: string, prefix: string): string {
  const names = [...text.matchAll(/\bfn (\w+)\(|\bvar<[^>]*> (\w+)/g)].map(([, fn, name]) => fn ?? name!);
  return text.replace(new RegExp(`\\b(${names.join('|')})\\b`, 'g'), `${prefix}$1`);
}

/**
 * The dispatch that reads a tensor first through `first_of(i)`, with a `first_of` that adds up the parts that the tensor is
 * the sum of, does to the sum what was fused to it, and stores it for those who read it later. From `binding` on it reads
 * `first_parts`, `first_bias` and the inputs of the chain, `first_in0` and so on. Its struct Params has `splits` and
 * `elements`.
 */
export function readParts(
  dispatch: Dispatch,
  tensor: string,
  snippet: string,
  { splits, bias, chain, shape }: PartsSum,
  binding: number,
): Dispatch {
  const lanes = dispatch.types!.A === 'vec4f' ? 4 : 1;
  const next = binding + (bias ? 2 : 1);
  const own = chain && renamed(fusedSnippet(chain, shape, next, 'epilogue', lanes), 'first_');
  const text = `// first_parts.wgsl: the sum of the parts of a product, written by lowering.
@group(0) @binding(${binding}) var<storage, read> first_parts: array<A>;
${bias ? `@group(0) @binding(${binding + 1}) var<storage, read> first_bias: array<X>;` : ''}
fn first_of(at: u32) -> A {
  var sum = A(0.0);
  for (var s = 0u; s < p.splits; s++) { sum += first_parts[s * p.elements + at]; }
  ${bias ? `sum += A(first_bias[at % ${shape.at(-1)! / lanes}u]);` : ''}
  let value = X(${own ? `first_epilogue(sum, at * ${lanes}u)` : 'sum'});
  ${tensor}[at] = value;
  return A(value);
}
`;
  return {
    ...dispatch,
    shader: dispatch.shader.replace(
      new RegExp(`var<storage[^>]*>\\s*${tensor}\\b`),
      `var<storage, read_write> ${tensor}`,
    ),
    snippets: [
      ...(chain ? functionsOf(chain) : []),
      ...dispatch.snippets!.map((other) => (other === snippet ? (own ?? '') + text : other)),
    ],
    types: { ...dispatch.types, V: dispatch.types!.A! },
    params: { ...dispatch.params, splits },
  };
}
