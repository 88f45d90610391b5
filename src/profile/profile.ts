import { expectArguments, GPU } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { baseOf, expectTensors, type Node, type Tensor } from '../graph/tensor.ts';
import { expectFunction } from '../graph/tracking.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import type { Module } from '../nn/module.ts';
import { withDefaults } from '../options.ts';
import type { Gpu } from '../plan/gpu.ts';
import { lower, prepareLowering } from '../plan/lower.ts';
import type { CaptureProgress, Results } from '../plan/step.ts';
import type { LoweredDispatch, LoweredOp } from '../plan/storage.ts';
import { expectList, numel, type Shape } from '../shape.ts';
import type { AdapterClass } from './adapterClasses.ts';
import { measureAdapter } from './limits.ts';
import { measureProgram } from './measure.ts';
import { type Phase, type Place, type Traced, traceOrigins } from './origins.ts';
import { type Prediction, predict } from './roofline.ts';
import { definitionFlops, type Work, workOf } from './work.ts';

/** One dispatch of a program. */
export interface DispatchProfile extends Work {
  /** The name of its shader, such as `gemm_gpu`. */
  readonly kernel: string;
  /** The recorded operations that it computes, fused ones too: `conv2d+relu`. */
  readonly operation: string;
  /** What computes the main one of them. Undefined for a chain of elementwise operations. */
  readonly strategy?: StrategyName;
  readonly phase: Phase;
  /** The name of the innermost module that the main operation is of; empty outside of all. */
  readonly layer: string;
  /** The shape of the main operation's output. */
  readonly shape: Shape;
  readonly workgroups: readonly [number, number, number];
  /** It depends on weights alone, and runs only when these have changed: it is in no sum. */
  readonly steady: boolean;
  readonly predicted: Prediction;
  /** Seconds, by the device's timestamps: the shortest of some runs. Undefined for a prediction alone. */
  readonly measured?: number;
}

/** The dispatches of a program on an adapter, in their order. */
export interface Profile {
  readonly adapter: AdapterClass;
  readonly dispatches: readonly DispatchProfile[];
  /** Multiplications and additions of products by their definition, which Winograd's algorithm makes fewer. */
  readonly definitionFlops: number;
  /** Seconds of a whole run, from its submission until the device is idle. Undefined for a prediction alone. */
  readonly wall?: number;
}

/** How a program is measured. */
export interface MeasureOptions {
  /** Told as kernels get compiled. */
  readonly progress?: CaptureProgress;
  /** What predictions are made by. Default: a short measurement of the adapter's limits. */
  readonly adapter?: AdapterClass;
}

/** What a function records, to be planned for one adapter after another. */
export interface Trace {
  /** Plans it for a class of adapters, and predicts each dispatch's time. Nothing runs, and no device is needed. */
  estimate(adapter: AdapterClass): Promise<Profile>;
  /**
   * Runs it some times, and measures each dispatch where the device has timestamps. States that it changes are changed. Throws as a
   * captured step does.
   */
  measure(gpu: Gpu, options?: MeasureOptions): Promise<Profile>;
}

interface Placed {
  readonly op: LoweredOp;
  readonly dispatch: LoweredDispatch;
  readonly steady: boolean;
}

const weightOf = ({ outputs }: Node): number =>
  Object.values(outputs).reduce((sum, { shape }) => sum + numel(shape), 0);

/** The operation that takes most of a fused one's time: the first that is more than elementwise. */
const mainOf = ({ nodes }: LoweredOp): Node | undefined =>
  nodes.find(({ operation }) => !operation.kernel.elementwise) ??
  nodes.reduce<Node | undefined>((a, b) => (a && weightOf(a) >= weightOf(b) ? a : b), undefined);

/** What is computed of weights alone has lost its operations: it belongs to the one that reads it. */
function ownerOf(op: LoweredOp, ops: readonly LoweredOp[]): LoweredOp {
  if (op.nodes.length > 0) return op;
  const made = new Set(op.dispatches.flatMap(({ bindings }) => bindings.map(({ storage }) => storage)));
  const reader = ops.find(
    (other) =>
      other.nodes.length > 0 &&
      other.dispatches.some(({ bindings }) => bindings.some(({ storage }) => made.has(storage))),
  );
  return reader ?? op;
}

function profilesOf(
  placed: readonly Placed[],
  traced: Traced,
  adapter: AdapterClass,
): Pick<Profile, 'dispatches' | 'definitionFlops'> {
  const ops = [...new Set(placed.map(({ op }) => op))];
  const works = new Map<LoweredDispatch, Work>();
  const about = new Map<LoweredOp, Place & { readonly shape: Shape }>();
  for (const op of ops) {
    workOf(op).forEach((work, i) => {
      works.set(op.dispatches[i]!, work);
    });
    const main = mainOf(ownerOf(op, ops));
    const place = main ? traced.placeOf(main) : { phase: 'forward' as const, layer: '' };
    const output = main && Object.values(main.outputs)[0];
    about.set(op, { ...place, shape: output?.shape ?? [] });
  }
  const dispatches = placed.map(({ op, dispatch, steady }): DispatchProfile => {
    const work = works.get(dispatch)!;
    const { workgroups, shader } = dispatch;
    const [x, y, z] = workgroups;
    return {
      kernel: shader.name.replace(/\.wgsl$/, ''),
      operation: op.label,
      ...(op.strategy ? { strategy: op.strategy } : {}),
      ...about.get(op)!,
      workgroups,
      steady,
      ...work,
      predicted: predict(work, x * y * z, adapter),
    };
  });
  return { dispatches, definitionFlops: ops.reduce((sum, op) => sum + definitionFlops(op), 0) };
}

/**
 * Records fn once, as `Gpu.capture` does, for inputs of these shapes: to predict on any adapter what its dispatches take, or to measure
 * it on this one.
 *
 * @param fn What is captured: predictions, or a whole training step with `backward` and an optimizer.
 * @param inputs Tensors with values, which `measure` runs it with.
 * @param options `module`: whose parts the layers of dispatches are named after. Default: no layers are told.
 * @throws UsageError for what is no function, and for unknown options; and whatever fn throws.
 */
export function trace(
  fn: (...inputs: Tensor[]) => Results,
  inputs: readonly Tensor[] = [],
  options: { readonly module?: Module } = {},
): Trace {
  expectFunction('trace', fn);
  expectList('trace', 'inputs', inputs);
  expectTensors('trace', Object.fromEntries(inputs.map((input, i) => [`input ${i}`, input])));
  const computed = inputs.find((input) => baseOf(input).origin.kind !== 'constant');
  if (computed)
    throw new UsageError(`trace: ${computed} has no values; make inputs with tensor(values, shape)`);
  const { module } = withDefaults('trace', options, { module: undefined });
  expectArguments('trace', { options }, { options: { 'module?': { namedModules: 'function' } } });
  const traced = traceOrigins(fn, inputs, module);
  const { bases, recording } = traced.recorded;
  return {
    async estimate(adapter) {
      expectArguments('estimate', { adapter }, { adapter: { gflops: 'number', caps: 'object' } });
      const values = Object.values(bases);
      await prepareLowering(values, recording.effects);
      const { ops, steady } = lower(adapter.caps, values, recording.effects);
      const placed = ops.flatMap((op, i) =>
        op.dispatches.map((dispatch): Placed => ({ op, dispatch, steady: i < steady })),
      );
      return { adapter, ...profilesOf(placed, traced, adapter) };
    },
    async measure(gpu, given = {}) {
      expectArguments('measure', { gpu }, { gpu: GPU });
      const options = withDefaults('measure', given, { progress: undefined, adapter: undefined });
      const { progress, adapter = await measureAdapter(gpu) } = options;
      const program = await gpu.compile(traced.recorded, progress);
      try {
        const { steadyDispatches } = program.stats;
        const placed = program.commands.map(({ op, dispatch }, i) => {
          return { op, dispatch, steady: i < steadyDispatches };
        });
        const { dispatches, definitionFlops } = profilesOf(placed, traced, adapter);
        const { wall, seconds } = await measureProgram(gpu.device, program, traced.recorded, inputs);
        const measured = dispatches.map((dispatch, i) => {
          return { ...dispatch, ...(seconds ? { measured: seconds[i]! } : {}) };
        });
        return { adapter, dispatches: measured, definitionFlops, wall };
      } finally {
        gpu.release(program);
      }
    },
  };
}
