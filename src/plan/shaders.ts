import { type Dispatch, shaderOf } from '../kernels/kernel.ts';
import type { Assembled } from '../wgsl/assemble.ts';

/**
 * Shaders by what they are made of. A program has thousands of dispatches of some dozens of shaders, and to put one
 * together means to read through all of its text.
 */
export class Shaders {
  readonly #texts = new Map<string, number>();
  readonly #made = new Map<string, Assembled>();

  /** The shader of a dispatch, with the epilogue that is given. */
  of(dispatch: Dispatch, epilogue?: string): Assembled {
    const { types, constants, enable, snippets = [], shader, grid } = dispatch;
    const texts = [shader, ...snippets, ...(epilogue === undefined ? [] : ['', epilogue])];
    const parts = texts.map((text) => this.#texts.get(text) ?? this.#number(text));
    const key = JSON.stringify([types, constants, enable, dispatch.epilogue, typeof grid, parts]);
    let made = this.#made.get(key);
    if (!made) {
      made = shaderOf(dispatch, epilogue);
      this.#made.set(key, made);
    }
    return made;
  }

  #number(text: string): number {
    const number = this.#texts.size;
    this.#texts.set(text, number);
    return number;
  }
}

/** How many buffers a shader binds, beside its parameters. */
export const buffersOf = ({ bindings }: Assembled): number =>
  bindings.filter(({ kind }) => kind !== 'uniform').length;

/** The first place where more may be bound. */
export const nextBinding = ({ bindings }: Assembled): number =>
  Math.max(...bindings.map(({ index }) => index)) + 1;

/** The same shader with these of the bindings that it reads bound as writable. Its lines stay as they are. */
export function asWritable(shader: Assembled, indices: ReadonlySet<number>): Assembled {
  const code = shader.code.replace(
    /(@binding\((\d+)\)\s*var<storage)[^>]*>/g,
    (text, start: string, index: string) => (indices.has(Number(index)) ? `${start}, read_write>` : text),
  );
  const bindings = shader.bindings.map((binding) =>
    indices.has(binding.index) ? { ...binding, kind: 'storage' as const } : binding,
  );
  return { ...shader, code, bindings };
}
