import { escapeXml } from 'fovea/draw';
import type { Bound, DispatchProfile } from 'fovea/profile';
import { kernelName, layerName, timeOf } from './groups.ts';
import { percent, shortTime } from './tables.ts';

/** A part of a program: a phase, a module, or a kernel. */
interface Part {
  readonly name: string;
  seconds: number;
  /** Set for kernels: what bounds them. */
  readonly bound: Bound | undefined;
  readonly parts: Map<string, Part>;
}

const part = (name: string, bound?: Bound): Part => ({ name, seconds: 0, bound, parts: new Map() });

/** Phases, where there are several; then the path of modules; then what is computed. */
function pathOf(one: DispatchProfile, phases: boolean): string[] {
  const modules = one.layer === '' ? [layerName(one)] : one.layer.split('.');
  return [...(phases ? [one.phase] : []), ...modules];
}

function treeOf(dispatches: readonly DispatchProfile[], name: string): Part {
  const root = part(name);
  const phases = new Set(dispatches.map(({ phase }) => phase)).size > 1;
  for (const one of dispatches) {
    const seconds = timeOf({ predicted: one.predicted.seconds, measured: one.measured });
    root.seconds += seconds;
    let at = root;
    const enter = (key: string, make: () => Part) => {
      const next = at.parts.get(key) ?? make();
      at.parts.set(key, next);
      next.seconds += seconds;
      at = next;
    };
    for (const step of pathOf(one, phases)) enter(step, () => part(step));
    const { bound } = one.predicted;
    const label = `${one.operation}: ${kernelName(one)}`;
    enter(`${label} ${bound}`, () => part(label, bound));
  }
  return root;
}

const BOUNDS: readonly Bound[] = ['launch', 'memory', 'compute'];
const ROW = 22;
/** Parts of less than this share of the whole are not drawn. */
const LEAST = 0.0015;

const depthOf = ({ parts }: Part): number => 1 + Math.max(0, ...[...parts.values()].map(depthOf));

function drawn({ name, seconds, bound, parts }: Part, from: number, depth: number, whole: number): string {
  const share = (value: number): string => `${Number((100 * value).toFixed(3))}%`;
  const width = seconds / whole;
  if (width < LEAST) return '';
  const told = `${name}: ${shortTime(seconds)}, ${percent(seconds, whole)}${bound ? `, bound by ${bound}` : ''}`;
  const box = `x="${share(from)}" y="${depth * ROW}" width="${share(width)}" height="${ROW}"`;
  // A drawing of its own cuts the name off at its edge.
  const own = `<svg ${box}${bound ? ` class="${bound}"` : ''}><title>${escapeXml(told)}</title><rect width="100%" height="${ROW}"/>${width > 0.01 ? `<text x="4" y="15">${escapeXml(name)}</text>` : ''}</svg>`;
  let at = from;
  const inner = [...parts.values()].map((one) => {
    const text = drawn(one, at, depth + 1, whole);
    at += one.seconds / whole;
    return text;
  });
  return [own, ...inner].join('\n');
}

/**
 * Where the time goes, as an icicle: each part is as wide as its share of the time, and stands under the one that it is in. As wide as the
 * page, with letters of one size; on narrow screens it is scrolled.
 */
export function flameChart(dispatches: readonly DispatchProfile[], name: string): string {
  const root = treeOf(dispatches, name);
  const height = ROW * depthOf(root);
  const legend = BOUNDS.map((bound) => `<span><span class="chip ${bound}"></span>bound by ${bound}</span>`);
  return `<p class="flame-legend">${legend.join('')}</p><div class="flame" role="img" aria-label="${escapeXml(`Where the time goes: ${name}`)}" tabindex="0"><svg height="${height}" font-size="12">${drawn(root, 0, 0, root.seconds)}</svg></div>`;
}

/** How the chart looks in a report. */
export const FLAME_STYLE = `
:root{--launch:#e69f00;--memory:#56b4e9;--compute:#33b58a}
@media (prefers-color-scheme:dark){:root{--launch:#8a5f00;--memory:#1f6291;--compute:#12654a}}
.flame{overflow-x:auto;background:var(--panel);border:1px solid var(--line);border-radius:8px;padding:8px}
.flame+p{margin-top:8px}
.flame>svg{display:block;width:100%;min-width:760px}
.flame rect{fill:var(--line);fill-opacity:.6;stroke:var(--panel)}
.flame text{fill:var(--ink)}
.flame .launch>rect{fill:var(--launch);fill-opacity:1}
.flame .memory>rect{fill:var(--memory);fill-opacity:1}
.flame .compute>rect{fill:var(--compute);fill-opacity:1}
.chip.launch{background:var(--launch)}
.chip.memory{background:var(--memory)}
.chip.compute{background:var(--compute)}
.scroll table:not(.pairs) tbody th{min-width:200px}
.flame-legend{display:flex;flex-wrap:wrap;gap:4px 18px;margin:10px 0 8px;color:var(--soft);font-size:14px}
`;
