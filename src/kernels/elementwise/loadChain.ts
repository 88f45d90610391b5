import type { Shape } from '../../shape.ts';
import type { Dispatch } from '../dispatch.ts';
import { chainVectorizes, type FusedChain, functionsOf, fusedSnippet } from './fused.ts';

/**
 * The dispatch that loads a tensor through `load(i)`, with a `load` that computes the tensor by a chain of elementwise operations,
 * whose inputs are bound from `binding` on. Undefined where it loads four elements at once and the chain cannot.
 */
export function loadChain(
  dispatch: Dispatch,
  snippet: string,
  chain: FusedChain,
  shape: Shape,
  binding: number,
): Dispatch | undefined {
  const V = dispatch.types!.A!;
  const lanes = V === 'f32' ? 1 : 4;
  if (lanes === 4 && !chainVectorizes(chain, shape)) return undefined;
  const text = `${fusedSnippet(chain, shape, binding, 'apply', lanes)}
fn load(at: u32) -> A { return apply(at * ${lanes}u); }
`;
  return {
    ...dispatch,
    types: { ...dispatch.types, V },
    snippets: [
      ...functionsOf(chain),
      ...dispatch.snippets!.map((other) => (other === snippet ? text : other)),
    ],
  };
}
