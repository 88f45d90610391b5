import { FoveaError } from '../errors.ts';

/** One piece of a shader: a real `.wgsl` file, or text that lowering generated. */
export interface Source {
  readonly name: string;
  readonly text: string;
}

/** What the header of a shader may set: element types, and whatever changes the code. */
export interface Header {
  readonly enable?: readonly string[];
  readonly types?: Readonly<Record<string, string>>;
  readonly constants?: Readonly<Record<string, number | boolean>>;
}

export interface Binding {
  readonly index: number;
  readonly name: string;
  readonly kind: 'uniform' | 'read-only-storage' | 'storage';
}

export interface Field {
  readonly name: string;
  readonly type: 'u32' | 'i32' | 'f32';
}

/** A shader that is put together: its text, where each part came from, and its interface. */
export interface Assembled {
  readonly code: string;
  readonly parts: readonly { readonly name: string; readonly line: number }[];
  readonly bindings: readonly Binding[];
  readonly params: readonly Field[];
}

/** A WGSL file's name stands in its first line: `// roi_align.wgsl: …`. */
export function sourceOf(text: string): Source {
  const name = /^\/\/ ([\w.]+\.wgsl)/.exec(text)?.[1];
  if (!name)
    throw new FoveaError(`a WGSL file must begin with "// its_name.wgsl", got "${text.slice(0, 40)}"`);
  return { name, text };
}

const literal = (value: number | boolean): string => {
  if (typeof value === 'boolean') return String(value);
  return Number.isInteger(value) && value >= 0 ? `${value}u` : `f32(${value})`;
};

const cache = new Map<string, Assembled>();

/**
 * `enable` lines, the header, the snippets, the file: in this order. The interface (bindings and the
 * fields of `struct Params`) is read from the text itself, so it is written down once.
 */
export function assemble(header: Header, sources: readonly Source[]): Assembled {
  const lines = [
    ...(header.enable ?? []).map((name) => `enable ${name};`),
    ...Object.entries(header.types ?? {}).map(([name, type]) => `alias ${name} = ${type};`),
    ...Object.entries(header.constants ?? {}).map(([name, value]) => `const ${name} = ${literal(value)};`),
  ];
  const key = JSON.stringify([lines, sources.map((source) => source.text)]);
  const known = cache.get(key);
  if (known) return known;
  const parts = [{ name: 'header', line: 1 }];
  let code = `${lines.join('\n')}\n`;
  let line = lines.length + 1;
  for (const source of sources) {
    parts.push({ name: source.name, line });
    code += source.text.endsWith('\n') ? source.text : `${source.text}\n`;
    line = code.split('\n').length;
  }
  const assembled = { code, parts, bindings: parseBindings(code), params: parseParams(code) };
  cache.set(key, assembled);
  return assembled;
}

function parseBindings(code: string): Binding[] {
  const pattern = /@group\(0\)\s*@binding\((\d+)\)\s*var<(uniform|storage(?:,\s*(\w+))?)>\s*(\w+)\s*:/g;
  const bindings = [...code.matchAll(pattern)].map(
    (match): Binding => ({
      index: Number(match[1]),
      name: match[4]!,
      kind: match[2] === 'uniform' ? 'uniform' : match[3] === 'read_write' ? 'storage' : 'read-only-storage',
    }),
  );
  return bindings.sort((a, b) => a.index - b.index);
}

function parseParams(code: string): Field[] {
  const body = /struct Params\s*\{([^}]*)\}/.exec(code)?.[1];
  if (body === undefined) return [];
  return [...body.replace(/\/\/.*$/gm, '').matchAll(/(\w+)\s*:\s*([\w<>]+)/g)].map((match): Field => {
    const type = match[2]!;
    if (type !== 'u32' && type !== 'i32' && type !== 'f32') {
      throw new FoveaError(`struct Params: ${match[1]} is ${type}; only u32, i32 and f32 scalars are packed`);
    }
    return { name: match[1]!, type };
  });
}

/** The bytes of the uniform block: 4-byte scalars in the struct's order, padded to 16 bytes. */
export function packParams(shader: Assembled, values: Readonly<Record<string, number>>): ArrayBuffer {
  const { params } = shader;
  const view = new DataView(new ArrayBuffer(Math.ceil(Math.max(params.length, 1) / 4) * 16));
  const missing = params.filter((field) => values[field.name] === undefined).map((field) => field.name);
  const extra = Object.keys(values).filter((name) => !params.some((field) => field.name === name));
  if (missing.length > 0 || extra.length > 0) {
    const name = shader.parts.at(-1)!.name;
    throw new FoveaError(`${name}: parameters missing [${missing}], not in struct Params [${extra}]`);
  }
  params.forEach((field, i) => {
    const value = values[field.name]!;
    if (field.type === 'f32') view.setFloat32(i * 4, value, true);
    else if (field.type === 'i32') view.setInt32(i * 4, value, true);
    else view.setUint32(i * 4, value, true);
  });
  return view.buffer as ArrayBuffer;
}

/** `conv2d.wgsl:23` for a line of the assembled text. */
export function locate(shader: Assembled, line: number): string {
  const part = shader.parts.findLast((candidate) => candidate.line <= line) ?? shader.parts[0]!;
  return `${part.name}:${line - part.line + 1}`;
}
