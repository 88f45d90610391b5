import type { DispatchProfile, Profile } from 'fovea/profile';
import { counted } from '../counted.ts';
import type { ReportTable } from '../report.ts';
import {
  type Group,
  type Grouping,
  groupBy,
  kernelName,
  largestMiss,
  layerName,
  mostlyBound,
  repeated,
  timeOf,
  totalsOf,
} from './groups.ts';

const UNITS = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, '\u00b5s'],
] as const;

/** Three digits and a unit: `12.3 ms`. */
export function shortTime(seconds: number): string {
  const [unit, name] = UNITS.find(([size]) => seconds >= 0.9995 * size) ?? UNITS[2];
  const value = seconds / unit;
  return `${value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)} ${name}`;
}

/** In units of `unit`, with as many digits as say something. */
function figure(value: number, unit: number): string {
  const scaled = value / unit;
  return scaled >= 99.95 ? scaled.toFixed(0) : scaled >= 9.995 ? scaled.toFixed(1) : scaled.toFixed(2);
}
export const giga = (flops: number): string => figure(flops, 1e9);
export const mega = (bytes: number): string => figure(bytes, 1e6);

export const percent = (part: number, whole: number): string =>
  whole > 0 ? `${Math.round((100 * part) / whole)} %` : '-';

const ratioOf = (measured: number | undefined, predicted: number): string =>
  measured === undefined ? '-' : (measured / predicted).toFixed(2);

/** The middle of a long name is left out: its ends tell more. */
export function shortened(name: string, length: number): string {
  if (name.length <= length) return name;
  const end = Math.ceil((length - 1) / 2);
  return `${name.slice(0, length - 1 - end)}…${name.slice(-end)}`;
}

const cut = (name: string, length: number): string =>
  name.length <= length ? name : `${name.slice(0, length - 1).trimEnd()}…`;

/** A row per adapter: what the program takes on it. */
export function adapterTable(profiles: readonly Profile[], width = 28): ReportTable {
  return {
    title: 'Predicted time by adapter',
    header: ['adapter', 'dispatches', 'GFLOP', 'MB', 'predicted', 'launch', 'memory', 'compute'],
    rows: profiles.map((profile) => {
      const { dispatches, flops, bytes, predicted, bound } = totalsOf(repeated(profile));
      const { name, title } = profile.adapter;
      return [
        cut(name === 'this' ? title : `${name}: ${title}`, width),
        String(dispatches),
        giga(flops),
        mega(bytes),
        shortTime(predicted),
        percent(bound.launch, predicted),
        percent(bound.memory, predicted),
        percent(bound.compute, predicted),
      ];
    }),
    note: 'launch, memory, compute: the share of the predicted time in dispatches that each of them bounds.',
  };
}

const columns = (measured: boolean): string[] => [
  ...['GFLOP', 'MB', 'predicted'],
  ...(measured ? ['measured', 'ratio'] : []),
  ...['share', 'bound'],
];

function cells(
  { flops, bytes, predicted, measured }: Pick<Group, 'flops' | 'bytes' | 'predicted' | 'measured'>,
  bound: string,
  total: number,
): string[] {
  return [
    ...[giga(flops), mega(bytes), shortTime(predicted)],
    ...(measured === undefined ? [] : [shortTime(measured), ratioOf(measured, predicted)]),
    ...[percent(timeOf({ predicted, measured }), total), bound],
  ];
}

/** The groups that take longest. */
export function groupTable(profile: Profile, by: Grouping, top: number, width = 30): ReportTable {
  const dispatches = repeated(profile);
  const groups = groupBy(dispatches, by);
  const all = totalsOf(dispatches);
  const total = timeOf(all);
  const phases = new Set(dispatches.map(({ phase }) => phase)).size > 1;
  const alone = by === 'dispatch';
  const shown = groups.slice(0, top);
  const rest = groups.slice(top).reduce((sum, group) => sum + timeOf(group), 0);
  return {
    title: `By ${by}`,
    header: [
      by,
      ...(phases ? ['phase'] : []),
      ...(alone ? [] : ['n']),
      ...columns(all.measured !== undefined),
    ],
    rows: shown.map((group) => [
      shortened(group.name, width + (alone ? 6 : 0)),
      ...(phases ? [group.phase ?? 'several'] : []),
      ...(alone ? [] : [String(group.dispatches)]),
      ...cells(group, mostlyBound(group), total),
    ]),
    ...(groups.length > top
      ? { note: `${counted(groups.length - top, 'more', 'more')}: ${percent(rest, total)} of the time.` }
      : {}),
  };
}

/** Each dispatch by itself, with its kernel, shape and grid. */
export function dispatchTable(profile: Profile, top: number, width = 60): ReportTable {
  const dispatches = repeated(profile);
  const all = totalsOf(dispatches);
  const total = timeOf(all);
  const times = (one: DispatchProfile) => ({ predicted: one.predicted.seconds, measured: one.measured });
  const sorted = [...dispatches].sort((a, b) => timeOf(times(b)) - timeOf(times(a)));
  const header = [
    'dispatch',
    'phase',
    ...columns(all.measured !== undefined),
    'kernel',
    'output',
    'workgroups',
  ];
  return {
    title: 'By dispatch',
    header,
    rows: sorted
      .slice(0, top)
      .map((one) => [
        `${layerName(one)}: ${shortened(one.operation, width)}`,
        one.phase,
        ...cells(
          { ...times(one), flops: one.flops, bytes: one.bytesRead + one.bytesWritten },
          one.predicted.bound,
          total,
        ),
        kernelName(one),
        one.shape.join('x'),
        one.workgroups.join('x'),
      ]),
    ...(sorted.length > top ? { note: `The ${top} of ${sorted.length} that take longest.` } : {}),
  };
}

/** What a program does, in one line. */
export function summaryLine(profile: Profile): string {
  const dispatches = repeated(profile);
  const steady = profile.dispatches.length - dispatches.length;
  const { flops, bytes } = totalsOf(dispatches);
  const { definitionFlops } = profile;
  const fewer = definitionFlops > 1.05 * flops ? ` (${giga(definitionFlops)} by definition)` : '';
  const more = steady > 0 ? `, and ${steady} more when weights have changed` : '';
  return `${counted(dispatches.length, 'dispatch', 'dispatches')}${more}; ${giga(flops)} GFLOP${fewer}, ${mega(bytes)} MB moved`;
}

/** How the measured times compare with the predicted ones, in sentences without an end. Empty where nothing was measured. */
export function measuredLines(profile: Profile): string[] {
  const { wall } = profile;
  if (wall === undefined) return [];
  const dispatches = repeated(profile);
  const { measured, predicted } = totalsOf(dispatches);
  const whole = `a whole run takes ${shortTime(wall)}`;
  if (measured === undefined) return [`${whole}; the device has no timestamps to time dispatches by`];
  const worst = largestMiss(dispatches);
  return [
    `measured ${shortTime(measured)}, ${ratioOf(measured, predicted)} times the predicted ${shortTime(predicted)}; ${whole}`,
    ...(worst
      ? [
          `largest miss: ${shortTime(worst.measured!)} instead of ${shortTime(worst.predicted.seconds)} in ${layerName(worst)}, ${kernelName(worst)}`,
        ]
      : []),
  ];
}
