import type { PeerName, PeerResult, ResultRow, Results } from './results.ts';
import { geometricMean } from './statistics.ts';

/** Three digits, as wide as they need. */
export function short(value: number | undefined): string {
  if (value === undefined || !Number.isFinite(value)) return '–';
  if (value >= 100) return value.toFixed(0);
  if (value >= 10) return value.toFixed(1);
  return value >= 1 ? value.toFixed(2) : String(Number(value.toPrecision(2)));
}

const megabytes = (bytes: number | undefined): string => (bytes === undefined ? '–' : short(bytes / 1e6));

type Cell = (row: ResultRow) => string;

const peerTime =
  (peer: PeerName): Cell =>
  ({ peers }) => {
    const result = peers[peer];
    if (!result) return '';
    if ('cannot' in result) return 'cannot';
    return 'failed' in result ? 'FAILED' : `${short(result.medianMs)}${result.onCpu ? '*' : ''}`;
  };
const peerRatio =
  (peer: PeerName): Cell =>
  ({ ratio }) =>
    ratio[peer] === undefined ? '' : `${short(ratio[peer])}x`;

/** Heads and what stands under them; of peers only where they took part. */
const COLUMNS: readonly (readonly [head: string, cell: Cell, peer?: PeerName])[] = [
  ['ms', ({ medianMs }) => short(medianMs)],
  ['±', ({ spreadMs }) => short(spreadMs)],
  ['GPU ms', ({ gpuMs }) => short(gpuMs)],
  ['GFLOP/s', ({ flops, gflops }) => (flops > 0 ? short(gflops) : '–')],
  ['GB/s', ({ gbps }) => short(gbps)],
  ['limit', ({ shareOfLimit }) => `${Math.round(100 * shareOfLimit)} %`],
  ['first ms', ({ firstMs }) => short(firstMs)],
  ['JS ms', ({ jsMs }) => short(jsMs)],
  ['MB', ({ peakBytes }) => megabytes(peakBytes)],
  ['tfjs ms', peerTime('tfjs'), 'tfjs'],
  ['tfjs', peerRatio('tfjs'), 'tfjs'],
  ['ort ms', peerTime('ort'), 'ort'],
  ['ort', peerRatio('ort'), 'ort'],
  ['jax ms', peerTime('jax'), 'jax'],
  ['jax', peerRatio('jax'), 'jax'],
  ['cpu ms', peerTime('ortCpu'), 'ortCpu'],
  ['cpu', peerRatio('ortCpu'), 'ortCpu'],
  ['torch ms', peerTime('torch'), 'torch'],
  ['torch', peerRatio('torch'), 'torch'],
  ['amp ms', peerTime('torchAmp'), 'torchAmp'],
  ['amp', peerRatio('torchAmp'), 'torchAmp'],
];

/** Writes the table line by line, as rows come in. Columns keep their widths: names are known beforehand. */
export class Table {
  readonly #nameWidth: number;
  readonly #columns: typeof COLUMNS;

  constructor(names: readonly string[], peers: readonly PeerName[]) {
    this.#nameWidth = Math.max(8, ...names.map(({ length }) => length));
    this.#columns = COLUMNS.filter(([, , peer]) => peer === undefined || peers.includes(peer));
  }

  head(): string {
    return this.#line(
      'workload',
      this.#columns.map(([head]) => head),
    );
  }

  row(row: ResultRow): string {
    return this.#line(
      row.name,
      this.#columns.map(([, cell]) => cell(row)),
    );
  }

  #line(name: string, cells: readonly string[]): string {
    return `${name.padEnd(this.#nameWidth)}${cells.map((cell) => cell.padStart(9)).join('')}`;
  }
}

const words = (result: PeerResult): string | undefined => {
  if ('cannot' in result) return result.cannot;
  if ('failed' in result) return `FAILED: ${result.failed}`;
  return undefined;
};

const isOnCpu = (result: PeerResult | undefined): boolean =>
  result !== undefined && 'onCpu' in result && result.onCpu === true;

/** How the lines under the table begin, which are the columns' heads: onnxruntime's CPU kernels are no peer on WebGPU. */
const LINES: Readonly<Partial<Record<PeerName, string>>> = { ortCpu: 'cpu (onnxruntime without WebGPU)' };

/** Under the table: what peers cannot do, and the ratios' means. */
export function summary({ rows }: Pick<Results, 'rows'>, peers: readonly PeerName[]): string[] {
  const lines: string[] = [];
  for (const peer of peers) {
    const begin = LINES[peer] ?? peer;
    const reasons = new Map<string, string[]>();
    for (const { name, peers: results } of rows) {
      const reason = results[peer] && words(results[peer]);
      if (reason) reasons.set(reason, [...(reasons.get(reason) ?? []), name]);
    }
    for (const [reason, names] of reasons) {
      lines.push(`${begin}: ${reason}: ${names.length > 4 ? `${names.length} rows` : names.join('; ')}`);
    }
    const onCpu = rows.filter(({ peers: results }) => isOnCpu(results[peer]));
    if (onCpu.length > 0) {
      const names = onCpu.map(({ name, ratio }) => `${name} (${short(ratio[peer])}x)`);
      lines.push(`${begin}: * computed on the CPU, not counted below: ${names.join('; ')}`);
    }
    const counted = rows.filter(({ ratio, peers: all }) => ratio[peer] !== undefined && !isOnCpu(all[peer]));
    const ratios = counted.map(({ ratio }) => ratio[peer]!);
    if (ratios.length === 0) continue;
    const behind = counted.filter(({ ratio }) => ratio[peer]! <= 1).map(({ name }) => name);
    lines.push(
      `${begin}: ${short(geometricMean(ratios))}x in the geometric mean of ${ratios.length} rows; ${
        behind.length === 0 ? 'ahead in all of them' : `behind in: ${behind.join('; ')}`
      }`,
    );
  }
  return lines;
}
