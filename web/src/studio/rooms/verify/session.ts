/** The checks of this visit. They go on, and stay, while other rooms are looked at. */
import { signal } from '@preact/signals';
import { type Counts, countRows, type Row } from '../../../../../src/verify/rows.ts';
import { describeError } from '../../../page.ts';
import { askForAdapter } from '../../noGpu.tsx';
import { strings } from '../../strings.ts';
import type { DeviceFacts, Dtype, VerifyReply, VerifyRequest } from '../../work/verify.ts';

const texts = strings.verify;
/** Milliseconds from one look at what has come to the next: each draws the table. */
const PAUSE = 100;

export interface Found {
  /** What is wrong before what is right, each in the order in which it came. */
  readonly rows: readonly Row[];
  readonly counts: Counts;
  /** Cases that have run: one may have rows for both directions. */
  readonly cases: number;
}

export interface Finished {
  readonly complete: boolean;
  readonly dtype: Dtype;
  readonly seconds: number;
  readonly device: DeviceFacts | undefined;
}

const NOTHING: Found = { rows: [], counts: countRows([]), cases: 0 };

/** How many cases each operation has; undefined until the worker says so. */
export const table = signal<Readonly<Record<string, number>> | undefined>(undefined);
export const running = signal(false);
export const total = signal(0);
export const found = signal<Found>(NOTHING);
/** The case that was last, in words. */
export const last = signal('');
export const fault = signal('');
export const finished = signal<Finished | undefined>(undefined);

let worker: Worker | undefined;
let inRoom = false;
let dtype: Dtype = 'f32';
let device: DeviceFacts | undefined;
let started = 0;
let rows: Row[] = [];
let timer: ReturnType<typeof setTimeout> | undefined;

const isProblem = ({ ok }: Row): boolean => !ok;

/** Shows what has come so far. */
function look(): void {
  clearTimeout(timer);
  timer = undefined;
  const at = rows.at(-1);
  if (!at) return;
  found.value = {
    rows: [...rows.filter(isProblem), ...rows.filter((row) => !isProblem(row))],
    counts: countRows(rows),
    cases: new Set(rows.map(({ op, name }) => `${op}/${name}`)).size,
  };
  last.value = texts.where(at.op, at.name);
}

function end(complete: boolean, said: string): void {
  look();
  running.value = false;
  fault.value = said;
  if (rows.length > 0) {
    finished.value = { complete, dtype, seconds: (performance.now() - started) / 1000, device };
  }
  if (!inRoom) dispose();
}

function take(reply: VerifyReply): void {
  if (reply.type === 'table') table.value = reply.counts;
  else if (reply.type === 'opened') device = reply.device;
  else if (reply.type === 'row') {
    rows.push(reply.row);
    timer ??= setTimeout(look, PAUSE);
  } else {
    look();
    const { complete, lost, error = '' } = reply;
    // There may be another one now, or none.
    if (lost !== undefined) void askForAdapter({ again: true });
    end(complete, lost === undefined ? error : texts.lost(last.value, lost || texts.lostReason));
  }
}

function theWorker(): Worker {
  if (worker) return worker;
  const made = new Worker(new URL('../../work/verify.ts', import.meta.url), { type: 'module' });
  made.addEventListener('message', ({ data }: MessageEvent<VerifyReply>) => take(data));
  made.addEventListener('error', (event) => {
    event.preventDefault();
    dispose();
    end(false, texts.workerFailed(event.message ?? ''));
  });
  worker = made;
  return made;
}

function dispose(): void {
  worker?.terminate();
  worker = undefined;
}

const send = (request: VerifyRequest, transfer: Transferable[] = []): void =>
  theWorker().postMessage(request, transfer);

/** While the room is shown the worker is there; what runs goes on without it. Returns how the room is left. */
export function enter(): () => void {
  inRoom = true;
  theWorker();
  return () => {
    inRoom = false;
    if (!running.value) dispose();
  };
}

function begin(precision: Dtype, count: number): void {
  dtype = precision;
  rows = [];
  device = undefined;
  started = performance.now();
  total.value = count;
  found.value = NOTHING;
  last.value = '';
  fault.value = '';
  finished.value = undefined;
  running.value = true;
}

/** Checks the cases of the table, or those of these operations. */
export function check(precision: Dtype, operations: readonly string[] | undefined): void {
  if (running.value) return;
  begin(precision, casesOf(operations));
  send({ type: 'run', dtype, operations });
}

/** Checks conformance cases from files. */
export async function checkFiles(precision: Dtype, files: readonly File[]): Promise<void> {
  if (running.value || files.length === 0) return;
  begin(precision, files.length);
  try {
    const given = await Promise.all(
      files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    send(
      { type: 'run', dtype, files: given },
      given.map(({ bytes }) => bytes.buffer),
    );
  } catch (error) {
    end(false, describeError(error));
  }
}

export const stop = (): void => send({ type: 'stop' });

/** How many cases the table has, all or of these operations. */
export function casesOf(operations: readonly string[] | undefined): number {
  const counts = table.value ?? {};
  return (operations ?? Object.keys(counts)).reduce(
    (sum, op) => sum + (Object.hasOwn(counts, op) ? counts[op]! : 0),
    0,
  );
}

/** What is downloaded: everything that was found, and where. */
export function reportOf({ complete, dtype: precision, seconds, device: on }: Finished): object {
  // JSON has no word for NaN and infinities.
  const plain = (value: number) => (Number.isFinite(value) ? value : String(value));
  return {
    made: new Date().toISOString(),
    userAgent: navigator.userAgent,
    ...on,
    dtype: precision,
    complete,
    seconds: Math.round(seconds * 1000) / 1000,
    ...found.value.counts,
    rows: found.value.rows.map((row) => ({
      ...row,
      maxError: plain(row.maxError),
      tolerance: plain(row.tolerance),
    })),
  };
}
