import type { Limits } from '../../src/profile/limits.ts';
import type { PeerName, ResultRow } from './results.ts';

/** Colours that stay apart for colour-blind readers (Okabe and Ito). */
export const COLORS: Readonly<Record<PeerName | 'fovea', string>> = {
  fovea: '#0072b2',
  tfjs: '#d55e00',
  ort: '#009e73',
  jax: '#56b4e9',
  ortCpu: '#4d4d4d',
  torch: '#cc79a7',
  torchAmp: '#e69f00',
};
export const NAMES: Readonly<Record<PeerName, string>> = {
  tfjs: 'tfjs',
  ort: 'onnxruntime',
  jax: 'jax-js',
  ortCpu: 'onnxruntime, CPU',
  torch: 'PyTorch, f32',
  torchAmp: 'PyTorch, mixed',
};

const INK = '#24292f';
const GRID = '#d0d7de';
const WIDTH = 1000;

export const escaped = (text: string): string =>
  text.replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]!);

const text = (x: number, y: number, value: string, anchor = 'start', more = ''): string =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" fill="${INK}" ${more}>${escaped(value)}</text>`;
const line = (x1: number, y1: number, x2: number, y2: number, more: string): string =>
  `<line x1="${x1.toFixed(1)}" y1="${y1.toFixed(1)}" x2="${x2.toFixed(1)}" y2="${y2.toFixed(1)}" ${more}/>`;

const svg = (height: number, label: string, parts: readonly string[]): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(label)}" font-family="system-ui, sans-serif" font-size="12"><rect width="${WIDTH}" height="${height}" fill="#fff"/>${parts.join('')}</svg>`;

/** Powers of ten that enclose the values, and where a value lies between them. */
function logScale(values: readonly number[], from: number, to: number) {
  const low = Math.floor(Math.log10(Math.min(...values)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const at = (value: number) => from + ((Math.log10(value) - low) / (high - low)) * (to - from);
  return { at, ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) };
}

const tickText = (value: number): string =>
  value < 1e-3 || value >= 1e6 ? value.toExponential(0) : String(value);

/** The peers' times over Fovea's, a bar each, on a logarithmic axis: right of 1 Fovea is ahead. */
export function ratioPlot(rows: readonly ResultRow[], peers: readonly PeerName[]): string {
  const shown = rows.filter(({ ratio }) => peers.some((peer) => ratio[peer] !== undefined));
  const values = shown.flatMap(({ ratio }) => Object.values(ratio));
  if (values.length === 0) return '';
  const [left, top, bar] = [400, 48, 11];
  const rowHeight = peers.length * bar + 8;
  const height = top + shown.length * rowHeight + 40;
  const { at, ticks } = logScale([...values, 1, 10], left, WIDTH - 60);
  const parts = ticks.flatMap((tick) => [
    line(at(tick), top - 4, at(tick), height - 34, `stroke="${tick === 1 ? INK : GRID}"`),
    text(at(tick), height - 18, `${tickText(tick)}x`, 'middle'),
  ]);
  parts.push(text(left, 20, 'time of the peer over time of Fovea (logarithmic): right of 1x Fovea is ahead'));
  for (const [i, peer] of peers.entries()) {
    parts.push(`<rect x="${20 + i * 160}" y="28" width="10" height="10" fill="${COLORS[peer]}"/>`);
    parts.push(text(20 + i * 160 + 15, 37, NAMES[peer]));
  }
  for (const [i, { name, ratio }] of shown.entries()) {
    const y = top + i * rowHeight;
    parts.push(text(left - 8, y + rowHeight / 2, name, 'end'));
    for (const [k, peer] of peers.entries()) {
      const value = ratio[peer];
      if (value === undefined) continue;
      const [a, b] = [Math.min(at(1), at(value)), Math.max(at(1), at(value))];
      parts.push(
        `<rect x="${a.toFixed(1)}" y="${y + k * bar}" width="${Math.max(1, b - a).toFixed(1)}" height="${bar - 2}" fill="${COLORS[peer]}"/>`,
        text(b + 4, y + k * bar + 8, `${value.toPrecision(3)}x`, 'start', 'font-size="9"'),
      );
    }
  }
  return svg(height, 'Ratios to the peers', parts);
}

/** Operations a second over operations a byte, under what the adapter can do at most. */
export function rooflinePlot(rows: readonly ResultRow[], limits: Limits): string {
  const points = rows
    .filter(({ flops, bytes }) => flops > 0 && bytes > 0)
    .map(({ name, flops, bytes, gflops }) => ({ name, intensity: flops / bytes, gflops }));
  if (points.length === 0) return '';
  const [left, right, top, bottom] = [70, WIDTH - 30, 40, 460];
  const ridge = limits.gflops / limits.gbps;
  const x = logScale([...points.map(({ intensity }) => intensity), ridge], left, right);
  const y = logScale([...points.map(({ gflops }) => gflops), limits.gflops], bottom, top);
  const [from, to] = [x.ticks[0]!, x.ticks.at(-1)!];
  const lowest = Math.max(from, y.ticks[0]! / limits.gbps);
  const roof = 'stroke="#cc79a7" stroke-width="2"';
  const parts = [
    ...x.ticks.flatMap((tick) => [
      line(x.at(tick), top, x.at(tick), bottom, `stroke="${GRID}"`),
      text(x.at(tick), bottom + 18, tickText(tick), 'middle'),
    ]),
    ...y.ticks.flatMap((tick) => [
      line(left, y.at(tick), right, y.at(tick), `stroke="${GRID}"`),
      text(left - 6, y.at(tick) + 4, tickText(tick), 'end'),
    ]),
    line(x.at(lowest), y.at(lowest * limits.gbps), x.at(ridge), y.at(limits.gflops), roof),
    line(x.at(ridge), y.at(limits.gflops), x.at(to), y.at(limits.gflops), roof),
    text((left + right) / 2, bottom + 38, 'operations for each byte that must move', 'middle'),
    text(
      left,
      20,
      'GFLOP/s by their definition, under the measured limits; a point’s name shows when it is pointed at',
    ),
    ...points.map(
      ({ name, intensity, gflops }) =>
        `<circle cx="${x.at(intensity).toFixed(1)}" cy="${y.at(gflops).toFixed(1)}" r="4.5" fill="${COLORS.fovea}" fill-opacity="0.75"><title>${escaped(name)}: ${gflops.toPrecision(3)} GFLOP/s</title></circle>`,
    ),
  ];
  return svg(bottom + 52, 'Roofline', parts);
}
