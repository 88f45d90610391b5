import { escapeXml, formatValue, seriesColor } from 'fovea/draw';
import { writeFileAtomic } from './files.ts';
import { dataUri, GALLERY_SCRIPT, GALLERY_STYLE, type Gallery, galleryHtml } from './gallery.ts';
import {
  barPlot,
  learningRatePlot,
  lossPlot,
  type PrecisionRecall,
  precisionRecallPlot,
  type StepRecord,
} from './plots.ts';
import { printableLines } from './printable.ts';

export interface ReportAdapter {
  /** E.g. `NVIDIA H200` or `SwiftShader Device (LLVM 16)`. */
  name: string;
  /** Runs on the CPU: said loudly, as times then say nothing about a GPU. */
  software: boolean;
  /** Anything else worth a row: backend, driver, f16, subgroups. */
  details?: Readonly<Record<string, string | number | boolean>>;
}

export interface ReportTiming {
  what: string;
  /** Where it ran: `GPU`, `CPU`, or the adapter's name. Each name gets a colour. */
  where: string;
  seconds: number;
  /** How often, e.g. 300 steps; the table then shows the time for each. */
  count?: number;
  note?: string;
}

export interface ReportImage {
  /** PNG, JPEG or WebP bytes. */
  image: Uint8Array;
  caption: string;
  /** What is to be seen, for readers who do not see it. */
  alt: string;
}

export interface ReportTable {
  title: string;
  /** The first column names the row, the others stand right. */
  header: readonly string[];
  rows: readonly (readonly (string | number)[])[];
  /** A last row that sums up. */
  total?: readonly (string | number)[];
  note?: string;
}

export interface ReportRun {
  /** E.g. `Mask R-CNN, coins`. */
  name: string;
  /** E.g. `instance segmentation`; the summary table's second column. */
  task: string;
  /** Columns of the summary table, in this order: `{ 'AP@.5': 0.98, AP: 0.74 }`. Text is shown as it is. */
  metrics: Readonly<Record<string, number | string>>;
  /** A sentence or two: what was trained on what, what to look at. */
  description?: string;
  steps?: readonly StepRecord[];
  precisionRecall?: readonly PrecisionRecall[];
  tables?: readonly ReportTable[];
  /** A drawing as wide as the page, above the tables: HTML, and the style that it needs. */
  wide?: { readonly html: string; readonly style: string };
  /** More plots, as SVG text, beside those of the steps and curves. */
  plots?: readonly string[];
  images?: readonly ReportImage[];
  /** Images that the reader can filter, below all others. */
  galleries?: readonly Gallery[];
  /** Nested objects and arrays are flattened to dotted names. */
  config?: Readonly<Record<string, unknown>>;
  seed?: number | string;
}

export interface ReportData {
  title: string;
  /** One or two sentences under the title: what was done and how it came out. */
  lead?: string;
  created?: Date;
  /** Left out where nothing ran on one. */
  adapter?: ReportAdapter;
  runs: readonly ReportRun[];
  timings: readonly ReportTiming[];
  /** Images of no particular run. */
  images?: readonly ReportImage[];
  /** Of all runs. */
  config?: Readonly<Record<string, unknown>>;
  seed?: number | string;
  /** `{ fovea: '0.1.0', node: '20.20.2' }` */
  versions: Readonly<Record<string, string>>;
  /** Anything the reader should know before trusting the numbers. */
  notes?: readonly string[];
  /** The command line that makes this report again. */
  command?: string;
}

const STYLE = `
:root{color-scheme:light dark;--bg:#f6f8fa;--panel:#fff;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--accent:#0072b2;--warn-bg:#fff3d6;--warn-line:#d98e00;--warn-ink:#4d3300}
@media (prefers-color-scheme:dark){:root{--bg:#0f1318;--panel:#181d24;--ink:#e6edf3;--soft:#9aa5b1;--line:#30363d;--accent:#6cb6e8;--warn-bg:#3a2c08;--warn-line:#e0a52e;--warn-ink:#ffe3a3}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.page{max-width:1180px;margin:0 auto;padding:36px 20px 28px}
h1{font-size:28px;line-height:1.2;margin:0 0 8px;letter-spacing:-.01em}
h2{font-size:20px;line-height:1.3;margin:40px 0 12px;padding-bottom:6px;border-bottom:1px solid var(--line)}
h3{font-size:15px;margin:24px 0 8px}
p{margin:0 0 10px;max-width:75ch}
h1,h2,h3,p,li{overflow-wrap:anywhere}
.lead{font-size:17px}
.soft,small{color:var(--soft)}
.task{margin-left:8px;font-size:14px;font-weight:400;color:var(--soft)}
.warn{margin:18px 0;padding:12px 16px;border:1px solid var(--warn-line);border-left-width:6px;border-radius:6px;background:var(--warn-bg);color:var(--warn-ink)}
.warn p:last-child{margin:0}
.warn p{max-width:none}
.scroll+p{margin-top:8px}
.scroll{overflow-x:auto;background:var(--panel);border:1px solid var(--line);border-radius:8px}
table{border-collapse:collapse;width:100%}
th,td{padding:7px 14px;text-align:left;vertical-align:top;border-top:1px solid var(--line)}
thead th{border-top:0;color:var(--soft);font-weight:600;font-size:13px;white-space:nowrap}
tbody tr:first-child>*{border-top-color:var(--line)}
table:not(:has(thead)) tbody tr:first-child>*{border-top:0}
tbody th{font-weight:600;min-width:110px;overflow-wrap:anywhere}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.summary tbody th{white-space:nowrap}
.summary td.n{font-size:17px;font-weight:600}
tfoot th,tfoot td{font-weight:600}
.pairs th{width:34%;font-weight:400;color:var(--soft);overflow-wrap:anywhere}
.pairs td{overflow-wrap:anywhere;font-variant-numeric:tabular-nums}
code,.code td,.code th{font-family:ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace;font-size:13px}
pre{margin:0;padding:12px 14px;overflow-x:auto;background:var(--panel);border:1px solid var(--line);border-radius:8px}
.grid{display:grid;gap:16px;align-items:start;margin-top:16px;grid-template-columns:repeat(auto-fill,minmax(min(100%,430px),1fr))}
.grid>*{min-width:0}
figure{margin:0 0 16px;padding:8px;background:var(--panel);border:1px solid var(--line);border-radius:8px}
figure img{display:block;width:auto;max-width:100%;height:auto;margin:0 auto;border-radius:4px}
.plot{margin:0}
.plot svg{display:block;width:100%;height:auto}
figcaption{padding:8px 6px 2px;color:var(--soft);font-size:14px}
.chip{display:inline-block;width:10px;height:10px;border-radius:2px;margin-right:7px}
details{margin:14px 0}
summary{cursor:pointer;font-weight:600;margin-bottom:8px}
ul{margin:0;padding-left:20px}
footer{margin-top:44px;padding-top:12px;border-top:1px solid var(--line);color:var(--soft);font-size:13px}
@media (max-width:560px){.page{padding:22px 14px}th,td{padding:6px 9px}h1{font-size:23px}}
@media print{body{background:#fff}.page{max-width:none;padding:0}figure,table,.plot{break-inside:avoid}details>*{display:block}}
`;

const e = escapeXml;

/** `1.8 ms`, `4.20 s`, `2 min 31 s`, `1 h 04 min`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return '\u2013';
  if (seconds < 1e-3) return `${Number((seconds * 1e6).toPrecision(3))} \u00b5s`;
  if (seconds < 0.9995) return `${Number((seconds * 1e3).toPrecision(3))} ms`;
  if (seconds < 59.95) return `${seconds.toPrecision(3)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, '0')} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

const formatMetric = (value: number | string | undefined): string => {
  if (value === undefined) return '\u2013';
  if (typeof value === 'string') return value;
  if (Number.isNaN(value)) return '\u2013';
  if (Number.isInteger(value) && Math.abs(value) > 1) return value.toLocaleString('en-US');
  return Math.abs(value) < 10 && Math.abs(value) >= 5e-4 ? value.toFixed(3) : formatValue(value);
};

/** `{ a: { b: 1 }, c: [1, 2] }` to `a.b: 1`, `c: [1, 2]`. */
function flatten(config: Readonly<Record<string, unknown>>, prefix = ''): [name: string, value: string][] {
  return Object.entries(config).flatMap(([key, value]): [string, string][] => {
    const name = `${prefix}${key}`;
    if (value === undefined) return [];
    if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
      return flatten(value as Record<string, unknown>, `${name}.`);
    }
    if (ArrayBuffer.isView(value)) return [[name, JSON.stringify([...(value as Float32Array)])]];
    const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value));
    return [[name, text.replace(/,(?=\S)/g, ', ')]];
  });
}

function pairsTable(rows: readonly (readonly [name: string, value: string])[], code = false): string {
  const body = rows.map(([name, value]) => `<tr><th scope="row">${e(name)}</th><td>${e(value)}</td></tr>`);
  return `<div class="scroll"><table class="pairs${code ? ' code' : ''}"><tbody>${body.join('')}</tbody></table></div>`;
}

function summaryTable(runs: readonly ReportRun[]): string {
  const columns = [...new Set(runs.flatMap(({ metrics }) => Object.keys(metrics)))];
  const head = columns.map((name) => `<th scope="col" class="n">${e(name)}</th>`).join('');
  const rows = runs.map(({ name, task, metrics }) => {
    const cells = columns.map((column) => `<td class="n">${e(formatMetric(metrics[column]))}</td>`).join('');
    return `<tr><th scope="row">${e(name)}</th><td>${e(task)}</td>${cells}</tr>`;
  });
  return `<div class="scroll"><table class="summary"><thead><tr><th scope="col">Run</th><th scope="col">Task</th>${head}</tr></thead><tbody>${rows.join('')}</tbody></table></div>`;
}

function dataTable({ title, header, rows, total, note }: ReportTable): string {
  const line = ([name, ...values]: readonly (string | number)[]): string =>
    `<tr><th scope="row">${e(String(name))}</th>${values.map((value) => `<td class="n">${e(formatMetric(value))}</td>`).join('')}</tr>`;
  const head = header.map((name, i) => `<th scope="col"${i > 0 ? ' class="n"' : ''}>${e(name)}</th>`);
  const foot = total === undefined ? '' : `<tfoot>${line(total)}</tfoot>`;
  return `<h3>${e(title)}</h3><div class="scroll"><table><thead><tr>${head.join('')}</tr></thead><tbody>${rows.map(line).join('')}</tbody>${foot}</table></div>${note === undefined ? '' : `<p class="soft">${e(note)}</p>`}`;
}

const plotFigure = (svg: string): string => `<figure class="plot">${svg}</figure>`;

function images(list: readonly ReportImage[] = []): string {
  return list
    .map(
      ({ image, caption, alt }) =>
        `<figure><img src="${dataUri(image)}" alt="${e(alt)}"><figcaption>${e(caption)}</figcaption></figure>`,
    )
    .join('\n');
}

function timingsSection(timings: readonly ReportTiming[]): string {
  if (timings.length === 0) return '';
  const places = [...new Set(timings.map(({ where }) => where))];
  const colorOf = (where: string): string => seriesColor(places.indexOf(where));
  const counted = timings.some(({ count }) => count !== undefined);
  const noted = timings.some(({ note }) => note !== undefined);
  const total = timings.reduce((sum, { seconds }) => sum + seconds, 0);
  const rows = timings.map(({ what, where, seconds, count, note }) => {
    const each = count !== undefined && count > 0 ? formatSeconds(seconds / count) : '';
    const cells = [
      `<th scope="row">${e(what)}</th>`,
      `<td><span class="chip fovea-plot" style="background:${colorOf(where)}"></span>${e(where)}</td>`,
      counted ? `<td class="n">${count === undefined ? '' : count.toLocaleString('en-US')}</td>` : '',
      counted ? `<td class="n">${each}</td>` : '',
      `<td class="n">${formatSeconds(seconds)}</td>`,
      noted ? `<td>${e(note ?? '')}</td>` : '',
    ];
    return `<tr>${cells.join('')}</tr>`;
  });
  const before = counted ? 4 : 2;
  const table = `<div class="scroll"><table><thead><tr><th scope="col">What</th><th scope="col">Where</th>${counted ? '<th scope="col" class="n">Times</th><th scope="col" class="n">Each</th>' : ''}<th scope="col" class="n">Time</th>${noted ? '<th scope="col">Note</th>' : ''}</tr></thead><tbody>${rows.join('')}</tbody><tfoot><tr><th scope="row" colspan="${before}">Total</th><td class="n">${formatSeconds(total)}</td>${noted ? '<td></td>' : ''}</tr></tfoot></table></div>`;
  const bars = barPlot({
    title: 'Where the time went',
    xLabel: 'seconds',
    bars: timings.map(({ what, where, seconds }) => ({
      label: what,
      value: seconds,
      text: formatSeconds(seconds),
      color: colorOf(where),
    })),
    legend: places.map((name) => ({ name, color: colorOf(name) })),
  });
  return `<section aria-labelledby="timings"><h2 id="timings">Timings</h2>${table}<div style="margin-top:16px;max-width:600px">${plotFigure(bars)}</div></section>`;
}

function runSection(run: ReportRun, index: number): string {
  const { name, task, description, steps = [], precisionRecall = [], config, seed } = run;
  const id = `run-${index + 1}`;
  const plots: string[] = [];
  if (steps.length > 0) plots.push(lossPlot(steps, { title: `Loss, ${name}` }));
  if (steps.some(({ lr }) => lr !== undefined)) {
    plots.push(learningRatePlot(steps, { title: `Learning rate, ${name}` }));
  }
  if (precisionRecall.length > 0) plots.push(precisionRecallPlot(precisionRecall));
  plots.push(...(run.plots ?? []));
  const settings = [
    ...(seed === undefined ? [] : [['seed', String(seed)] as const]),
    ...(config === undefined ? [] : flatten(config)),
  ];
  return `<section aria-labelledby="${id}">
<h2 id="${id}">${e(name)}<span class="task">${e(task)}</span></h2>
${description === undefined ? '' : `<p>${e(description)}</p>`}
${images(run.images)}
${run.wide?.html ?? ''}
${(run.tables ?? []).map(dataTable).join('\n')}
${plots.length > 0 ? `<div class="grid">${plots.map(plotFigure).join('\n')}</div>` : ''}
${(run.galleries ?? []).map(galleryHtml).join('\n')}
${settings.length > 0 ? `<details open><summary>Configuration</summary>${pairsTable(settings, true)}</details>` : ''}
</section>`;
}

function adapterRows(adapter: ReportAdapter): [string, string][] {
  return [
    ['adapter', adapter.name],
    ['kind', adapter.software ? 'software (runs on the CPU)' : 'hardware'],
    ...Object.entries(adapter.details ?? {}).map(([key, value]): [string, string] => [
      key,
      typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value),
    ]),
  ];
}

/**
 * The report as one HTML document: it loads nothing (a content security policy forbids it), its images are
 * in it, and every value is escaped.
 */
export function renderReport(data: ReportData): string {
  const { title, lead, created = new Date(), adapter, runs, timings, notes = [], command } = data;
  const settings = [
    ...(data.seed === undefined ? [] : [['seed', String(data.seed)] as const]),
    ...(data.config === undefined ? [] : flatten(data.config)),
  ];
  const software = adapter?.software
    ? `<div class="warn" role="note"><p><strong>Software adapter: ${e(adapter.name)}.</strong> No GPU was used: every shader ran on the CPU. The results below come from the same shaders as on a GPU; the times say nothing about a GPU.</p></div>`
    : '';
  const filtered = runs.some(({ galleries = [] }) => galleries.length > 0);
  const script = filtered ? `; script-src ${GALLERY_SCRIPT.policy}` : '';
  const when = created.toISOString().replace('T', ' ').slice(0, 16);
  // Labels and file names are on the plots, too: what they must not hold is escaped in the whole document.
  return printableLines(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'${script}">
<meta name="generator" content="fovea">
<title>${e(title)}</title>
<style>${STYLE}${filtered ? GALLERY_STYLE : ''}${runs.map(({ wide }) => wide?.style ?? '').join('')}</style>
</head>
<body>
<div class="page">
<header>
<h1>${e(title)}</h1>
${lead === undefined ? '' : `<p class="lead">${e(lead)}</p>`}
<p class="soft"><time datetime="${created.toISOString()}">${when} UTC</time>${adapter ? ` · ${e(adapter.name)}${adapter.software ? ' (software)' : ''}` : ''}</p>
${software}
</header>
<main>
<section aria-labelledby="summary">
<h2 id="summary">Summary</h2>
${runs.length > 0 ? summaryTable(runs) : '<p>No runs.</p>'}
${notes.length > 0 ? `<h3>Notes</h3><ul>${notes.map((note) => `<li>${e(note)}</li>`).join('')}</ul>` : ''}
</section>
${runs.map(runSection).join('\n')}
${data.images !== undefined && data.images.length > 0 ? `<section aria-labelledby="images"><h2 id="images">Images</h2>${images(data.images)}</section>` : ''}
${timingsSection(timings)}
<section aria-labelledby="reproduce">
<h2 id="reproduce">${adapter ? 'Adapter, settings' : 'Settings'} and versions</h2>
${command === undefined ? '' : `<h3>Command</h3><pre><code>${e(command)}</code></pre>`}
<div class="grid">
${adapter ? `<div><h3>Adapter</h3>${pairsTable(adapterRows(adapter))}</div>` : ''}
<div><h3>Versions</h3>${pairsTable(Object.entries(data.versions))}</div>
</div>
${settings.length > 0 ? `<h3>Settings</h3>${pairsTable(settings, true)}` : ''}
</section>
</main>
<footer>Made by Fovea. This file is self-contained: it loads nothing from the network.</footer>
</div>
${filtered ? GALLERY_SCRIPT.element : ''}
</body>
</html>
`);
}

/** Writes the report, whole or not at all. DataError where the path cannot be written. */
export async function writeReport(path: string, data: ReportData): Promise<void> {
  await writeFileAtomic(path, renderReport(data));
}
