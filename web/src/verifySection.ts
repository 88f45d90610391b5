import { DeviceLostError, FoveaError } from '../../src/errors.ts';
import type { OpName } from '../../src/kernels/ops.ts';
import { cases } from '../../src/verify/cases/index.ts';
import { type ConformanceFile, verifyConformance } from '../../src/verify/conformance.ts';
import { countRows, type Row, summaryOf, type VerifyOptions } from '../../src/verify/rows.ts';
import { verifyAll, verifyOperation } from '../../src/verify/verify.ts';
import { type Gpu, getGpu } from './gpu.ts';
import { byId, describeError, make, say, setState } from './page.ts';

const OUTCOMES = {
  ok: '✓ ok',
  failed: '✗ failed',
  unsupported: '– unsupported',
  'not applicable': '– not applicable',
} as const;

const runButton = byId<HTMLButtonElement>('run');
const downloadButton = byId<HTMLButtonElement>('download');
const caseFiles = byId<HTMLInputElement>('case-files');
const operation = byId<HTMLSelectElement>('operation');
const outcome = byId<HTMLSelectElement>('outcome');
const precision = byId<HTMLSelectElement>('precision');
const progressBar = byId<HTMLProgressElement>('progress-bar');
const progressText = byId('progress-text');
const body = byId<HTMLTableSectionElement>('result-rows');

/** The operations that the address names: `?op=conv2d,nms`. Without it: all. */
const asked = new URLSearchParams(location.search).get('op')?.split(',');
const count = cases.filter(({ op }) => asked?.includes(op) ?? true).length;
const runLabel = asked ? `Run ${count} cases of ${asked.join(', ')}` : `Run all ${count} cases`;

async function verifyAsked(gpu: Gpu, options: VerifyOptions): Promise<Row[]> {
  if (!asked) return verifyAll(gpu, options);
  const unknown = asked.find((op) => !cases.some((row) => row.op === op));
  if (unknown !== undefined) throw new FoveaError(`no operation is called ${unknown}; see the list below`);
  const rows: Row[] = [];
  for (const op of asked) rows.push(...(await verifyOperation(gpu, op as OpName, options)));
  return rows;
}

class Stopped extends Error {}

let running = false;
let stopAsked = false;
let rows: Row[] = [];
/** How many of the table's first rows say that something is wrong. */
let problems = 0;
let report: object | undefined;

/** Wires the section; `useGpu` is told of the adapter whenever one is opened. */
export function startVerifySection(useGpu: (gpu: Gpu) => void): void {
  for (const op of [...new Set(cases.map((row) => row.op))].sort()) operation.add(new Option(op, op));
  runButton.textContent = runLabel;
  runButton.addEventListener('click', () => {
    if (running) stopAsked = true;
    else run(useGpu, count, verifyAsked);
  });
  caseFiles.addEventListener('change', async () => {
    const chosen = [...(caseFiles.files ?? [])];
    caseFiles.value = '';
    if (running || chosen.length === 0) return;
    const files = await Promise.all(
      chosen.map(
        async (file): Promise<ConformanceFile> => ({
          name: file.name,
          bytes: new Uint8Array(await file.arrayBuffer()),
        }),
      ),
    );
    run(useGpu, files.length, (gpu, options) => verifyConformance(gpu, files, options));
  });
  downloadButton.addEventListener('click', download);
  operation.addEventListener('change', filter);
  outcome.addEventListener('change', filter);
}

type Check = (gpu: Gpu, options: VerifyOptions) => Promise<Row[]>;

async function run(useGpu: (gpu: Gpu) => void, total: number, check: Check): Promise<void> {
  running = true;
  stopAsked = false;
  rows = [];
  problems = 0;
  report = undefined;
  body.replaceChildren();
  say(byId('verify-error'), '');
  say(byId('summary'), '');
  byId('results').hidden = false;
  byId('nothing').hidden = true;
  byId('progress').hidden = false;
  progressBar.max = total;
  progressBar.value = 0;
  progressText.textContent = 'Starting…';
  runButton.textContent = 'Stop';
  downloadButton.disabled = true;
  setState('verify', 'running');
  const started = performance.now();
  const dtype = precision.value === 'f16' ? 'f16' : 'f32';
  let finished = false;
  let adapter = '';
  try {
    const gpu = await getGpu();
    useGpu(gpu);
    adapter = gpu.device.adapter.name;
    let lost = '';
    gpu.device.device.lost.then(({ message }) => {
      lost = message || 'no reason given';
    });
    const seen = new Set<string>();
    await check(gpu, {
      dtype,
      onRow: (row) => {
        rows.push(row);
        // What is wrong stands first.
        body.insertBefore(rowElement(row), row.ok ? null : (body.rows[problems++] ?? null));
        // A case may have rows for both directions; progress counts cases.
        progressBar.value = seen.add(`${row.op}/${row.name}`).size;
        progressText.textContent = `${seen.size} of ${total}: ${row.op}, ${row.name}`;
        // What onRow throws ends the run; without a device every case to come would only fail.
        if (lost) throw new DeviceLostError(`the GPU was lost at ${row.op}, ${row.name}: ${lost}`);
        if (stopAsked) throw new Stopped();
      },
    });
    finished = true;
    setReport(gpu, dtype, performance.now() - started, true);
  } catch (error) {
    if (!(error instanceof Stopped)) say(byId('verify-error'), describeError(error));
    const gpu = await getGpu().catch(() => undefined);
    if (gpu && rows.length > 0) setReport(gpu, dtype, performance.now() - started, false);
  }
  running = false;
  summarize(finished, dtype, adapter, performance.now() - started);
  byId('progress').hidden = true;
  showTable();
  runButton.textContent = runLabel;
  setState('verify', finished ? 'done' : 'stopped');
}

function summarize(finished: boolean, dtype: string, adapter: string, milliseconds: number): void {
  if (rows.length === 0) return;
  const counts = countRows(rows);
  const time = `${(milliseconds / 1000).toFixed(1)} s`;
  const summary = byId('summary');
  say(summary, `${summaryOf(counts)}${finished ? '' : ' (stopped before the end)'}`);
  summary.append(make('span', ` in ${dtype} on ${adapter}, ${time}`, 'status'));
  summary.classList.toggle('failed', counts.failed > 0);
  summary.classList.toggle('ok', rows.every(({ ok }) => ok) && finished);
}

const shown = (value: number): string => {
  if (value === 0) return '0';
  return Number.isNaN(value) ? '–' : value === Number.POSITIVE_INFINITY ? '∞' : value.toExponential(2);
};

function rowElement(row: Row): HTMLTableRowElement {
  const element = make('tr');
  element.dataset.op = row.op;
  element.dataset.status = row.status;
  const op = make('th', row.op, 'code');
  op.scope = 'row';
  const name = make('td', row.name);
  const look = row.status === 'not applicable' ? 'unsupported' : row.status;
  const result = make('td', OUTCOMES[row.status], `outcome ${look}`);
  if (row.message !== '') {
    name.className = look;
    name.append(make('span', row.message, 'reason'));
  }
  element.append(
    op,
    name,
    make('td', row.direction),
    make('td', shown(row.maxError), 'number'),
    make('td', shown(row.tolerance), 'number'),
    result,
  );
  hideOthers(element);
  return element;
}

function hideOthers(element: HTMLTableRowElement): void {
  const { op, status } = element.dataset;
  element.hidden =
    (operation.value !== '' && op !== operation.value) ||
    (outcome.value === 'problems' && status !== 'failed' && status !== 'unsupported');
}

function filter(): void {
  for (const element of body.rows) hideOthers(element);
  showTable();
}

/** The table, or a line in its place where the filters leave none of the results. */
function showTable(): void {
  const empty = rows.length > 0 && [...body.rows].every((element) => element.hidden);
  byId('results').hidden = empty || rows.length === 0;
  byId('nothing').hidden = !empty || running;
}

function setReport(gpu: Gpu, dtype: string, milliseconds: number, complete: boolean): void {
  const { adapter, caps, device } = gpu.device;
  report = {
    made: new Date().toISOString(),
    userAgent: navigator.userAgent,
    adapter,
    caps,
    features: [...device.features].sort(),
    dtype,
    complete,
    seconds: Math.round(milliseconds) / 1000,
    ...countRows(rows),
    // JSON has no word for NaN and infinities.
    rows: rows.map((row) => ({
      ...row,
      maxError: Number.isFinite(row.maxError) ? row.maxError : String(row.maxError),
      tolerance: Number.isFinite(row.tolerance) ? row.tolerance : String(row.tolerance),
    })),
  };
  downloadButton.disabled = false;
}

function download(): void {
  const blob = new Blob([`${JSON.stringify(report, null, 2)}\n`], { type: 'application/json' });
  const link = make('a');
  link.href = URL.createObjectURL(blob);
  link.download = 'fovea-verify.json';
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
