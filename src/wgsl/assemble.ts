/** What the header of a shader may set: element types, and whatever changes the code. */
export interface Header {
  /** Features besides f16, which is enabled where it stands in the text. */
  readonly enable?: readonly string[];
  readonly types?: Readonly<Record<string, string>>;
  /** Whole numbers of 0 or more, as u32, and booleans. */
  readonly constants?: Readonly<Record<string, number | boolean>>;
}

export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly kind: 'uniform' | 'read-only-storage' | 'storage';
}

/** The scalars that a uniform block may hold, as the typed arrays that write them. */
const SCALARS: Readonly<Record<string, typeof Uint32Array | typeof Int32Array | typeof Float32Array>> = {
  u32: Uint32Array,
  i32: Int32Array,
  f32: Float32Array,
};

/** A field of `struct Params`. Its type is u32, i32 or f32: kernels/userKernel.ts and the tests see to it. */
export interface Field {
  readonly name: string;
  readonly type: string;
}

/** A shader that is put together: its text, what that was made of, and its interface. */
export interface Assembled {
  /** The name of its own file, the last of its parts. */
  readonly name: string;
  readonly code: string;
  /** The header, snippets and file, one after the other in `code`. */
  readonly parts: readonly string[];
  readonly bindings: readonly Binding[];
  readonly params: readonly Field[];
}

/** A WGSL file's name stands in its first line: `// roi_align.wgsl: …`. */
const nameOf = (text: string): string | undefined => /^\/\/ ([\w.]+)/.exec(text)?.[1];

/**
 * `enable` lines, the header, the snippets, the file: in this order. The interface (bindings and the
 * fields of `struct Params`) is read from the text itself, so it is written down once.
 */
export function assemble(
  { enable = [], types = {}, constants = {} }: Header,
  sources: readonly string[],
): Assembled {
  const half = /\bf16\b/.test([...Object.values(types), ...sources].join());
  const lines = [
    ...(half ? ['f16', ...enable] : enable).map((name) => `enable ${name};`),
    ...Object.entries(types).map(([name, type]) => `alias ${name} = ${type};`),
    ...Object.entries(constants).map(
      ([name, value]) => `const ${name} = ${value}${typeof value === 'number' ? 'u' : ''};`,
    ),
  ];
  const parts = [lines.join('\n'), ...sources];
  const code = parts.join('\n');
  const fields = /struct Params\s*\{([^}]*)\}/.exec(code)?.[1] ?? '';
  return {
    name: nameOf(sources.at(-1)!) ?? 'shader',
    code,
    parts,
    bindings: [...code.matchAll(/@binding\((\d+)\)\s*var<(\w+)[,\s]*(\w*)>\s*(\w+)/g)].map(
      ([, index, space, access, name]): Binding => ({
        index: Number(index),
        name: name!,
        kind: space === 'uniform' ? space : access === 'read_write' ? 'storage' : 'read-only-storage',
      }),
    ),
    params: [...fields.replace(/\/\/.*/g, '').matchAll(/(\w+)\s*:\s*([\w<>]+)/g)].map(
      ([, name, type]): Field => ({ name: name!, type: type! }),
    ),
  };
}

/** The bytes of the uniform block: 4-byte scalars in the struct's order. */
export function packParams({ params }: Assembled, values: Readonly<Record<string, number>>): ArrayBuffer {
  const bytes = new ArrayBuffer(params.length * 4);
  params.forEach(({ name, type }, i) => {
    new SCALARS[type]!(bytes, i * 4, 1)[0] = values[name]!;
  });
  return bytes;
}

/** What stands before a text of the user's inside a part that lowering has written, and after it. */
const OWN = /^\/\/@ ?(.*)/;

/** A text of the user's inside a part that lowering writes, marked so that `locate` names it. */
export const ownText = (name: string, text: string): string => `//@ ${name}\n${text}\n//@`;

/**
 * A line of the assembled text: `conv2d.wgsl:23`, or `soft_clip.backward.x:1` in an expression of a row, and what stands
 * there.
 */
export function locate(shader: Assembled, line: number): { place: string; text: string } {
  const text = (shader.code.split('\n')[line - 1] ?? '').trim();
  let left = line;
  for (const [i, part] of shader.parts.entries()) {
    const lines = part.split('\n');
    if (left > lines.length) {
      left -= lines.length;
      continue;
    }
    const before = lines.slice(0, left);
    const at = before.findLastIndex((other) => OWN.test(other));
    const own = OWN.exec(before[at] ?? '')?.[1];
    if (own) return { place: `${own}:${left - at - 1}`, text };
    const last = i === shader.parts.length - 1;
    return {
      place: `${nameOf(part) ?? (i === 0 ? 'header' : last ? shader.name : 'snippet')}:${left}`,
      text,
    };
  }
  return { place: `${shader.name}:${line}`, text };
}
