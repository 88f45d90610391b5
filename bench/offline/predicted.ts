import type { Caps } from '../../src/device/caps.ts';
import { loadStrategies } from '../../src/graph/operation.ts';
import { operations } from '../../src/graph/operations/index.ts';
import { recordOperation, Tensor } from '../../src/graph/tensor.ts';
import type { StrategyName } from '../../src/kernels/strategy.ts';
import { lower } from '../../src/plan/lower.ts';
import { ADAPTER_CLASSES, type AdapterClassName } from '../../src/profile/adapterClasses.ts';
import { workOf } from '../../src/profile/work.ts';
import { offlineCases } from './cases.ts';

/** The adapters whose figures are published, by the targets of the compilers. */
const CLASSES: Readonly<Record<string, AdapterClassName>> = {
  hopper: 'h100',
  ada: 'rtx4090',
  navi31: 'rx7900xtx',
  vega10: 'vega8',
  m1: 'm1',
  a740: 'adreno740',
};

/** Microseconds of a dispatch: its launch, its bytes, and its FLOPs at the peak, of which the compiler's listing tells the share. */
export interface PredictedParts {
  readonly launch: number;
  readonly memory: number;
  readonly peak: number;
  /** The share of the peak where the listing tells none. */
  readonly efficiency: number;
}

/**
 * Predicted time of each dispatch of a case on a target, by the tag of its pipeline. Undefined for targets without figures. Computed in another
 * process than the compilers': in theirs, Honeykrisp hung in every third run.
 */
export async function predictedOn(
  target: string,
  caps: Caps,
): Promise<((tag: string) => PredictedParts | undefined) | undefined> {
  const name = CLASSES[target];
  if (!name) return undefined;
  const { gbps, gflops, units, launchMicroseconds, efficiency } = ADAPTER_CLASSES[name];
  await loadStrategies(Object.values(operations));
  return (tag) => {
    const [named, strategy, index] = tag.split('/');
    const found = offlineCases.find((one) => one.name === named);
    if (!found) return undefined;
    const { op, specs, attrs } = found;
    const inputs = Object.entries(specs).map(([input, spec]) => [
      input,
      new Tensor(spec, { kind: 'input', name: input }),
    ]);
    const outputs = Object.values(recordOperation(operations[op], Object.fromEntries(inputs), attrs));
    const strategyOf = () => strategy as StrategyName;
    const { ops } = lower(caps, outputs, [], { fusion: false, strategyOf });
    const all = ops.flatMap((lowered) =>
      workOf(lowered).map((work, i) => ({ work, workgroups: lowered.dispatches[i]!.workgroups })),
    );
    const one = all[Number(index)];
    if (!one) return undefined;
    const { bytesRead, bytesWritten, flopsInBlocks } = one.work;
    const [x, y, z] = one.workgroups;
    const filled = Math.min(1, (x * y * z) / units);
    return {
      launch: launchMicroseconds,
      memory: (bytesRead + bytesWritten) / (gbps * 1e3 * efficiency.memory * filled),
      peak: flopsInBlocks / (gflops * 1e3 * filled),
      efficiency: efficiency.compute,
    };
  };
}
