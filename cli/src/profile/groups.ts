import type { Bound, DispatchProfile, Phase, Profile } from 'fovea/profile';

/** What dispatches are put together by. */
export const GROUPINGS = ['layer', 'operation', 'kernel', 'dispatch'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** What several dispatches do together. */
export interface Totals {
  readonly dispatches: number;
  readonly bytes: number;
  readonly flops: number;
  /** Seconds. */
  readonly predicted: number;
  /** Undefined where they were not measured. */
  readonly measured: number | undefined;
  /** Predicted seconds of the dispatches that each bounds. */
  readonly bound: Readonly<Record<Bound, number>>;
}

/** Dispatches of one layer, operation or kernel. */
export interface Group extends Totals {
  readonly name: string;
  /** The phase of all of them; undefined where they are of several. */
  readonly phase: Phase | undefined;
}

/** Dispatches that run every time: what is computed of weights alone does not. */
export const repeated = ({ dispatches }: Profile): readonly DispatchProfile[] =>
  dispatches.filter(({ steady }) => !steady);

const sum = <T>(list: readonly T[], of: (one: T) => number): number =>
  list.reduce((total, one) => total + of(one), 0);

export function totalsOf(dispatches: readonly DispatchProfile[]): Totals {
  const boundBy = (bound: Bound) =>
    sum(dispatches, ({ predicted }) => (predicted.bound === bound ? predicted.seconds : 0));
  return {
    dispatches: dispatches.length,
    bytes: sum(dispatches, ({ bytesRead, bytesWritten }) => bytesRead + bytesWritten),
    flops: sum(dispatches, ({ flops }) => flops),
    predicted: sum(dispatches, ({ predicted }) => predicted.seconds),
    measured: dispatches.every(({ measured }) => measured !== undefined)
      ? sum(dispatches, ({ measured }) => measured!)
      : undefined,
    bound: { launch: boundBy('launch'), memory: boundBy('memory'), compute: boundBy('compute') },
  };
}

/** The name of a layer in tables. */
export const layerName = ({ layer, phase }: Pick<DispatchProfile, 'layer' | 'phase'>): string =>
  layer === '' ? (phase === 'update' ? '(optimizer)' : '(outside of layers)') : layer;

/** Strategies that are sizes of a matrix kernel. What stands before and behind it is the same with any. */
const SIZES = /^(tile|lanes|matrix)/;
const MATRIX = /^(gemm|conv2d_backward_weight)_/;

/** The name of a kernel, with the strategy that has chosen it where that says more. */
export function kernelName({ kernel, strategy }: DispatchProfile): string {
  if (strategy === undefined || strategy === 'plain' || kernel.includes(strategy)) return kernel;
  return SIZES.test(strategy) && !MATRIX.test(kernel) ? kernel : `${kernel} ${strategy}`;
}

const NAMES: Readonly<Record<Grouping, (one: DispatchProfile, index: number) => string>> = {
  layer: layerName,
  operation: ({ operation }) => operation,
  kernel: kernelName,
  dispatch: (one, index) => `${index} ${layerName(one)}: ${kernelName(one)}`,
};

/** The time that a group is sorted by: measured, where it was. */
export const timeOf = ({ predicted, measured }: Pick<Totals, 'predicted' | 'measured'>): number =>
  measured ?? predicted;

/** Dispatches in groups, those that take longest first. Layers are apart by phase in training. */
export function groupBy(dispatches: readonly DispatchProfile[], by: Grouping): Group[] {
  const groups = new Map<string, { name: string; members: DispatchProfile[] }>();
  dispatches.forEach((dispatch, index) => {
    const name = NAMES[by](dispatch, index);
    const key = by === 'layer' ? `${dispatch.phase} ${name}` : name;
    const group = groups.get(key) ?? { name, members: [] };
    groups.set(key, group);
    group.members.push(dispatch);
  });
  return [...groups.values()]
    .map(({ name, members }): Group => {
      const [phase, ...others] = new Set(members.map((one) => one.phase));
      return { name, phase: others.length === 0 ? phase : undefined, ...totalsOf(members) };
    })
    .sort((a, b) => timeOf(b) - timeOf(a));
}

/** What bounds most of a group's predicted time. */
export function mostlyBound({ bound }: Totals): Bound {
  const entries = Object.entries(bound) as [Bound, number][];
  return entries.reduce((a, b) => (b[1] > a[1] ? b : a))[0];
}

/** The dispatch whose measured time is furthest from the predicted one, in seconds. */
export function largestMiss(dispatches: readonly DispatchProfile[]): DispatchProfile | undefined {
  const miss = ({ measured, predicted }: DispatchProfile): number =>
    measured === undefined ? 0 : Math.abs(measured - predicted.seconds);
  return dispatches.reduce<DispatchProfile | undefined>(
    (worst, next) => (next.measured !== undefined && (!worst || miss(next) > miss(worst)) ? next : worst),
    undefined,
  );
}
