import { FoveaError } from '../../errors.ts';
import { type DType, numel, type Shape, type TensorSpec } from '../../shape.ts';
import { ownText } from '../../wgsl/assemble.ts';
import { type ElementwiseExpression, expressionOf } from './row.ts';

/** One elementwise operation of a chain: an expression over values that are there already. */
export interface FusedStep extends ElementwiseExpression {
  readonly attrs?: Readonly<Record<string, number>>;
  /** Argument name -> `in2` (an input of the chain), `t0` (an earlier step) or `v` (the epilogue's value). */
  readonly args: Readonly<Record<string, string>>;
}

/** Inputs in order, steps in order; the last step is the result. */
export interface FusedChain {
  readonly inputs: readonly TensorSpec[];
  readonly steps: readonly FusedStep[];
  /** What it computes in: f32 for floats of any size, else the integer type. */
  readonly dtype: Exclude<DType, 'f16'>;
}

/** A sum of parts, and what is done to it. */
export interface PartsSum {
  readonly splits: number;
  readonly bias: boolean;
  /** Elementwise operations on the sum. */
  readonly chain?: FusedChain;
  readonly shape: Shape;
}

/**
 * How an input is read for the element i of an output: `same` at i; `scalar` at 0; `suffix` (its shape is
 * the output's last dimensions, a bias) at i mod n; `prefix` (the output's first dimensions, then ones) at
 * i div n. Undefined for other broadcasts, which are expanded first.
 */
export type IndexMode =
  | { readonly kind: 'same' | 'scalar' }
  | { readonly kind: 'suffix' | 'prefix'; readonly n: number };

export function indexMode(input: Shape, output: Shape): IndexMode | undefined {
  const size = numel(input);
  const total = numel(output);
  if (size === total) return { kind: 'same' };
  if (size === 1) return { kind: 'scalar' };
  if (input.length > output.length) return undefined;
  const padded = [...new Array<number>(output.length - input.length).fill(1), ...input];
  if (padded.some((n, i) => n !== 1 && output[i] !== n)) return undefined;
  const first = padded.findIndex((n) => n !== 1);
  const last = padded.findLastIndex((n) => n !== 1);
  const whole = padded.slice(first, last + 1).every((n, k) => n === output[first + k]);
  if (!whole) return undefined;
  const after = numel(output.slice(last + 1));
  const before = numel(output.slice(0, first));
  if (after === 1) return { kind: 'suffix', n: size };
  if (before === 1) return { kind: 'prefix', n: after };
  return undefined;
}

function elementOf(mode: IndexMode): string {
  if (mode.kind === 'suffix') return `i % ${mode.n}u`;
  if (mode.kind === 'prefix') return `i / ${mode.n}u`;
  return mode.kind === 'same' ? 'i' : '0u';
}

/** Whether four neighbouring elements can be read as one vec4 (or are one element). */
const readsFour = (mode: IndexMode): boolean => ('n' in mode ? mode.n % 4 === 0 : true);

export function chainVectorizes(chain: FusedChain, output: Shape): boolean {
  if (chain.dtype !== 'f32' || numel(output) % 4 !== 0) return false;
  return chain.inputs.every((input) => {
    const mode = indexMode(input.shape, output);
    return mode !== undefined && readsFour(mode);
  });
}

function literal(value: number): string {
  const clamped = Math.max(-3.4028234e38, Math.min(3.4028234e38, value));
  const text = String(clamped);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function functionOf(name: string, step: FusedStep): string {
  const { wgsl, uses } = expressionOf(step);
  let body = wgsl.includes('return') ? wgsl : `return ${wgsl};`;
  for (const [attr, fallback] of Object.entries(step.row.attrs ?? {})) {
    body = body.replace(new RegExp(`\\b${attr}\\b`, 'g'), literal(step.attrs?.[attr] ?? fallback));
  }
  // `target` is a reserved word of WGSL.
  body = body.replace(/\btarget\b/g, 'goal');
  const parameters = uses.map((arg) => `${arg === 'target' ? 'goal' : arg}: V`);
  const { row, backwardTo } = step;
  const own = ownText(`${row.name}.${backwardTo === undefined ? 'wgsl' : `backward.${backwardTo}`}`, body);
  return `fn ${name}(${parameters.join(', ')}) -> V {\n${own}\n}\n`;
}

/** x where that is NaN, else value. By the bits: compilers may take it that no NaN occurs. Integers have none. */
function nanOver(dtype: FusedChain['dtype'], lanes: 1 | 4): string {
  const bits = lanes === 4 ? 'vec4u' : 'u32';
  const nan = `(bitcast<${bits}>(x) & ${bits}(0x7fffffffu)) > ${bits}(0x7f800000u)`;
  const result = dtype === 'f32' ? `select(value, x, ${nan})` : 'value';
  return `fn nan_over(value: V, x: V) -> V {\n  return ${result};\n}\n`;
}

/** 0 where x is finite, 1 for infinities, 2 for NaN; by the bits, too. */
function numberClass(lanes: 1 | 4): string {
  const bits = lanes === 4 ? 'vec4u' : 'u32';
  return `fn number_class(x: V) -> V {
  let size = bitcast<${bits}>(x) & ${bits}(0x7fffffffu);
  let infinite = select(V(0.0), V(1.0), size == ${bits}(0x7f800000u));
  return select(infinite, V(2.0), size > ${bits}(0x7f800000u));
}
`;
}

/**
 * The WGSL of a chain: bindings from `firstBinding` on, and either `apply(i)` for a kernel of its own or
 * `epilogue(v, i)` for the end of another kernel. i is the flat index of the (first) element. Where that kernel has said
 * by `begin_channels(c)` which of so many `channels` the values are of, inputs of one value a channel are read there.
 */
export function fusedSnippet(
  chain: FusedChain,
  output: Shape,
  firstBinding: number,
  entry: 'apply' | 'epilogue',
  lanes: 1 | 4,
  channels?: number,
): string {
  const perChannel: string[] = [];
  const bindings: string[] = [];
  const loads: string[] = [];
  chain.inputs.forEach((input, k) => {
    const mode = indexMode(input.shape, output);
    if (!mode) throw new FoveaError(`fused: ${input.shape} does not fuse into ${output}`);
    const wide = lanes === 4 && (mode.kind === 'same' || mode.kind === 'suffix');
    const type = wide ? `vec4<${input.dtype}>` : input.dtype;
    bindings.push(`@group(0) @binding(${firstBinding + k}) var<storage, read> in${k}: array<${type}>;`);
    const ofChannel = mode.kind === 'suffix' && mode.n === channels;
    const element = ofChannel ? 'c' : elementOf(mode);
    const loaded = `in${k}[${wide ? `(${element}) / 4u` : element}]`;
    const value = `V(${wide ? loaded : `${chain.dtype}(${loaded})`})`;
    if (ofChannel) {
      bindings.push(`var<private> channel${k}: V;`);
      perChannel.push(`  channel${k} = ${value};`);
    }
    loads.push(`  let a${k} = ${ofChannel ? `channel${k}` : value};`);
  });
  const functions: string[] = [];
  const known = new Map<string, string>();
  const calls = chain.steps.map((step, s) => {
    const first = chain.steps.findIndex(({ row }) => row === step.row);
    const key = JSON.stringify([first, step.backwardTo, step.attrs]);
    let name = known.get(key);
    if (!name) {
      name = `${step.row.name}${step.backwardTo === undefined ? '' : `_backward_${step.backwardTo}`}_${known.size}`;
      known.set(key, name);
      functions.push(functionOf(name, step));
    }
    const args = expressionOf(step).uses.map((arg) => step.args[arg]!.replace(/^in/, 'a'));
    return `  let t${s} = ${name}(${args.join(', ')});`;
  });
  const signature = entry === 'apply' ? 'apply(i: u32)' : 'epilogue(v: V, i: u32)';
  return [
    '// fused.wgsl: elementwise operations, written by lowering.',
    ...bindings,
    ...(functions.some((text) => /\bnan_over\(/.test(text)) ? [nanOver(chain.dtype, lanes)] : []),
    ...(functions.some((text) => /\bnumber_class\(/.test(text)) ? [numberClass(lanes)] : []),
    ...functions,
    ...(entry === 'epilogue' ? ['fn begin_channels(c: u32) {', ...perChannel, '}'] : []),
    `fn ${signature} -> V {`,
    ...loads,
    ...calls,
    `  return t${chain.steps.length - 1};`,
    '}',
    '',
  ].join('\n');
}

/** What a chain's expressions call: the functions of its rows, each text once. */
export const functionsOf = (chain: FusedChain): string[] => [
  ...new Map(
    chain.steps.flatMap(({ row: { name, functions } }) =>
      functions ? [[functions, ownText(`${name}.functions`, functions)] as const] : [],
    ),
  ).values(),
];
