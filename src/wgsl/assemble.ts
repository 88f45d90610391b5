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
const nameOf = (text: string): string => /^\/\/ ([\w.]+)/.exec(text)?.[1] ?? 'header';

/**
 * `enable` lines, the header, the snippets, the file: in this order. The interface (bindings and the
 * fields of `struct Params`) is read from the text itself, so it is written down once.
 */
export function assemble(
  { enable = [], types = {}, constants = {} }: Header,
  sources: readonly string[],
): Assembled {
  const half = [...Object.values(types), ...sources].some((text) => /\bf16\b/.test(text));
  const lines = [
    ...(half ? ['f16', ...enable] : enable).map((name) => `enable ${name};`),
    ...Object.entries(types).map(([name, type]) => `alias ${name} = ${type};`),
    ...Object.entries(constants).map(
      ([name, value]) => `const ${name} = ${value}${typeof value === 'number' ? 'u' : ''};`,
    ),
  ];
  const parts = [lines.join('\n'), ...sources];
  const code = parts.join('\n');
  return {
    name: nameOf(sources.at(-1)!),
    code,
    parts,
    bindings: parseBindings(code),
    params: parseParams(code),
  };
}

const parseBindings = (code: string): Binding[] =>
  [...code.matchAll(/@binding\((\d+)\)\s*var<(\w+)[,\s]*(\w*)>\s*(\w+)/g)].map(
    ([, index, space, access, name]): Binding => ({
      index: Number(index),
      name: name!,
      kind: space === 'uniform' ? space : access === 'read_write' ? 'storage' : 'read-only-storage',
    }),
  );

function parseParams(code: string): Field[] {
  const body = /struct Params\s*\{([^}]*)\}/.exec(code)?.[1] ?? '';
  return [...body.replace(/\/\/.*/g, '').matchAll(/(\w+)\s*:\s*([\w<>]+)/g)].map(
    ([, name, type]): Field => ({ name: name!, type: type! }),
  );
}

/** The bytes of the uniform block: 4-byte scalars in the struct's order, padded to 16 bytes. */
export function packParams({ params }: Assembled, values: Readonly<Record<string, number>>): ArrayBuffer {
  const bytes = new ArrayBuffer(Math.ceil(Math.max(params.length, 1) / 4) * 16);
  params.forEach(({ name, type }, i) => {
    new SCALARS[type]!(bytes, i * 4, 1)[0] = values[name]!;
  });
  return bytes;
}

/** `conv2d.wgsl:23` for a line of the assembled text. */
export function locate(shader: Assembled, line: number): string {
  let left = line;
  for (const part of shader.parts) {
    const lines = part.split('\n').length;
    if (left <= lines) return `${nameOf(part)}:${left}`;
    left -= lines;
  }
  return `${shader.name}:${line}`;
}
