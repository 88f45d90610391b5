import type { Caps } from '../device/caps.ts';
import { flopsOf } from '../graph/flops.ts';
import { record } from '../graph/recorder.ts';
import type { State } from '../graph/state.ts';
import { type Node, recordSegment, Tensor, zeros } from '../graph/tensor.ts';
import { lower } from '../plan/lower.ts';
import { planMemory } from '../plan/memory.ts';
import { bytesPerElement, formatShape, numel, type Shape } from '../shape.ts';
import { type Around, aroundForwards } from './aroundForwards.ts';

/** One module of a network, as one forward pass uses it. */
export interface SummaryRow {
  /** The module's name, as in the state dict; empty for the whole network. */
  readonly name: string;
  /** Its class. */
  readonly type: string;
  /** The shape of its output at the first call; undefined if that is not one tensor. */
  readonly output: Shape | undefined;
  /** Trainable values in it and all below it. */
  readonly parameters: number;
  /** Multiplications and additions of its convolutions and matrix products, in all calls together. */
  readonly flops: number;
}

/** What `Module.summary` returns. */
export interface Summary {
  readonly rows: readonly SummaryRow[];
  /** Trainable values. */
  readonly parameters: number;
  /** Multiplications and additions of convolutions and matrix products in one forward pass. */
  readonly flops: number;
  /** Bytes of parameters and buffers. */
  readonly weightBytes: number;
  /** Bytes that one forward pass takes besides the weights, as planned for a device with WebGPU's default limits. */
  readonly activationBytes: number;
  /** The table as text. */
  toString(): string;
}

/** WebGPU's default limits. */
const DEFAULTS: Caps = {
  family: 'tile',
  subgroupSize: 0,
  f16: false,
  maxBindingSize: 2 ** 27,
  maxStorageBuffers: 8,
};

const flopsIn = (nodes: readonly Node[]): number => nodes.reduce((total, node) => total + flopsOf(node), 0);

/** What a summary asks of a module. */
interface Summarized {
  readonly parameterCount: number;
  namedStates(): [string, State][];
  /** The module itself, under the empty name, and all below it. */
  namedModules(): Iterable<[string, Summarized]>;
}

type Forward = (...inputs: unknown[]) => unknown;

/** Summarizes a forward pass on an input of this shape: see Module.summary. */
export function summarize(module: Summarized, inputShape: Shape): Summary {
  const named = [...module.namedModules()].filter(([, part]) => 'forward' in part);
  const seen = new Map<Summarized, { output: Shape | undefined; flops: number }>();
  const watch: Around<Summarized> = (part, _inputs, run) => {
    const { result, segment } = recordSegment(run);
    const before = seen.get(part);
    const output = result instanceof Tensor ? result.shape : undefined;
    seen.set(part, {
      output: before ? before.output : output,
      flops: (before?.flops ?? 0) + flopsIn(segment.nodes),
    });
    return result;
  };
  const parts = named.map(([, part]) => part);
  return aroundForwards(parts, watch, () => {
    const input = zeros(inputShape);
    const { result, recording } = record(() => (module as unknown as { forward: Forward }).forward(input));
    const tensors = (Array.isArray(result) ? result : Object.values(result as object)) as unknown[];
    const results = (result instanceof Tensor ? [result] : tensors).filter(
      (value) => value instanceof Tensor,
    );
    const plan = planMemory(lower(DEFAULTS, results, recording.effects, { alone: true }));
    const states = module.namedStates();
    const rows = named.flatMap(([name, part]): SummaryRow[] => {
      const found = seen.get(part);
      if (!found) return [];
      return [{ name, type: part.constructor.name, parameters: part.parameterCount, ...found }];
    });
    const summary = {
      rows,
      parameters: module.parameterCount,
      flops: seen.get(module)?.flops ?? 0,
      weightBytes: states.reduce(
        (sum, [, { spec }]) => sum + numel(spec.shape) * bytesPerElement(spec.dtype),
        0,
      ),
      activationBytes: plan.slotSizes.reduce((a, b) => a + b, 0),
    };
    return { ...summary, toString: () => table(module, inputShape, summary) };
  });
}

const UNITS = ['', 'k', 'M', 'G', 'T'] as const;

/** Three digits and a unit: 1.82 G. */
function figure(value: number): string {
  let rest = value;
  let unit = 0;
  while (rest >= 999.5 && unit < UNITS.length - 1) {
    rest /= 1000;
    unit++;
  }
  if (unit === 0) return String(value);
  return `${rest.toPrecision(3)} ${UNITS[unit]}`;
}

function table(module: Summarized, inputShape: Shape, summary: Omit<Summary, 'toString'>): string {
  const lines = [
    ['layer', 'kind', 'output', 'parameters', 'FLOP'],
    ...summary.rows.map(({ name, type, output, parameters, flops }) => [
      name === '' ? module.constructor.name : name,
      type,
      output ? formatShape(output) : '-',
      figure(parameters),
      figure(flops),
    ]),
  ];
  const widths = lines[0]!.map((_, i) => Math.max(...lines.map((line) => line[i]!.length)));
  const body = lines.map((line) =>
    line.map((cell, i) => (i < 3 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  '),
  );
  const { parameters, flops, weightBytes, activationBytes } = summary;
  return [
    ...body,
    `input ${formatShape(inputShape)}: ${figure(parameters)} parameters, ${figure(flops)} FLOP; memory: ${figure(weightBytes)}B of weights, ${figure(activationBytes)}B of activations`,
  ].join('\n');
}
