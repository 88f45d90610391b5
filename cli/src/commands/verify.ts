import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { type AdapterChoice, DataError, type Gpu, type OpenOptions, openGpu, UsageError } from 'fovea';
import type { OpName } from 'fovea/kernels';
import {
  type ConformanceFile,
  cases,
  countRows,
  type Row,
  readConformanceCase,
  summaryOf,
  type VerifyOptions,
  verifyAll,
  verifyConformance,
  verifyOperation,
} from 'fovea/verify';
import { colorsOf } from '../colors.ts';
import { fileProblem, writeFileAtomic } from '../files.ts';
import { adapterLine } from '../gpu.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { modelFolders, verifyModels } from './verifyModels.ts';

export interface VerifyCommandOptions {
  /** A folder of conformance cases; without it, the built-in table is checked. */
  readonly cases?: string;
  /** A folder of whole-model cases; see verify/models.ts. */
  readonly models?: string;
  readonly op?: string;
  readonly adapter?: string;
  readonly json?: string;
  readonly dtype?: VerifyOptions['dtype'];
  /** `default`: a device with WebGPU's default limits and no optional feature. */
  readonly limits?: OpenOptions['limits'];
  readonly repeat?: number;
  readonly strategy?: VerifyOptions['strategy'];
}

/** What to check, and how: known before a device is opened. */
interface Work {
  readonly subjects: readonly { readonly op: string; readonly name: string }[];
  run(gpu: Gpu, options: VerifyOptions): Promise<Row[]>;
}

/**
 * fovea verify: a line a check, and how many passed. Returns 1 where any failed or could not be run, else 0. Throws
 * UsageError for an operation that has no case, DataError for a folder without cases or a file that is none.
 */
export async function verifyCommand(
  options: VerifyCommandOptions,
  stdout: Output = process.stdout,
): Promise<number> {
  if (options.models !== undefined) return models(options, options.models, stdout);
  const work = options.cases === undefined ? table(options.op) : await folder(options.cases, options.op);
  const { adapter, limits, dtype, repeat, strategy } = options;
  const gpu = await openGpu({
    ...(adapter === undefined ? {} : { adapter: adapter as AdapterChoice }),
    ...(limits === undefined ? {} : { limits }),
  });
  try {
    stdout.write(`${adapterLine(gpu, stdout)}\n`);
    const print = printer(work, dtype, stdout);
    const rows = await work.run(gpu, {
      ...(dtype === undefined ? {} : { dtype }),
      ...(repeat === undefined ? {} : { repeat }),
      ...(strategy === undefined ? {} : { strategy }),
      onRow: (row) => stdout.write(`${print(row)}\n`),
    });
    const counts = countRows(rows);
    if (options.json !== undefined) {
      const report = { adapter: gpu.device.adapter, dtype, limits, repeat, strategy, ...counts, rows };
      await writeFileAtomic(options.json, `${JSON.stringify(report, null, 2)}\n`);
    }
    stdout.write(`${summaryOf(counts)}\n`);
    return rows.every(({ ok }) => ok) ? 0 : 1;
  } finally {
    gpu.dispose();
  }
}

/** fovea verify --models: torchvision's models, with its weights and what it computes. */
async function models(options: VerifyCommandOptions, path: string, stdout: Output): Promise<number> {
  const other = (['cases', 'op', 'dtype', 'limits', 'repeat', 'strategy'] as const).find(
    (name) => options[name] !== undefined,
  );
  if (other) throw new UsageError(`--models cannot be combined with --${other}; leave one of them out`);
  const folders = await modelFolders(path);
  const { adapter } = options;
  const gpu = await openGpu(adapter === undefined ? {} : { adapter: adapter as AdapterChoice });
  try {
    stdout.write(`${adapterLine(gpu, stdout)}\n`);
    const rows = await verifyModels(gpu, folders, stdout);
    const passed = rows.filter(({ ok }) => ok).length;
    if (options.json !== undefined) {
      const report = { adapter: gpu.device.adapter, passed, failed: rows.length - passed, rows };
      await writeFileAtomic(options.json, `${JSON.stringify(report, null, 2)}\n`);
    }
    stdout.write(`${passed} passed, ${rows.length - passed} failed\n`);
    return passed === rows.length ? 0 : 1;
  } finally {
    gpu.dispose();
  }
}

function table(op: string | undefined): Work {
  const subjects = cases.filter((row) => op === undefined || row.op === op);
  if (op !== undefined && subjects.length === 0) {
    throw unknownOp(
      op,
      cases.map((row) => row.op),
    );
  }
  const run: Work['run'] = (gpu, options) =>
    op === undefined
      ? verifyAll(gpu, options)
      : verifyOperation(gpu, op as OpName, { cases: subjects, ...options });
  return { subjects, run };
}

async function folder(path: string, op: string | undefined): Promise<Work> {
  const all = (await readCases(path)).map((file) => ({ ...file, ...subjectOf(file) }));
  if (all.length === 0) {
    throw new DataError(`${path}: contains no .safetensors files; give the folder of conformance cases`);
  }
  const chosen = all.filter(({ subject }) => op === undefined || subject.op === op);
  if (op !== undefined && chosen.length === 0) {
    throw unknownOp(
      op,
      all.map(({ subject }) => subject.op),
    );
  }
  return {
    subjects: chosen.map(({ subject }) => subject),
    run: (gpu, options) => verifyConformance(gpu, chosen, options),
  };
}

const subjectOf = (file: ConformanceFile) => {
  const { op, name } = readConformanceCase(file);
  return { subject: { op, name } };
};

/** The cases of a folder by name, or the one case that the path is. */
async function readCases(path: string): Promise<ConformanceFile[]> {
  try {
    const single = (await stat(path)).isFile();
    const names = single ? [path] : (await readdir(path)).sort().map((name) => join(path, name));
    const files = names.filter((name) => single || name.endsWith('.safetensors'));
    const read = async (name: string): Promise<ConformanceFile> => {
      const bytes = new Uint8Array(await readFile(name));
      return { name: single ? name : join(basename(path), basename(name)), bytes };
    };
    const list: ConformanceFile[] = [];
    for (const name of files) list.push(await read(name));
    return list;
  } catch (error) {
    throw new DataError(
      `${path}: cannot be read (${fileProblem(error)}); give the folder of conformance cases`,
      { cause: error },
    );
  }
}

function unknownOp(op: string, ops: readonly string[]): UsageError {
  const known = [...new Set(ops)];
  const close = closest(op, known);
  const hint =
    close.length > 0 ? `did you mean ${close.join(', ')}?` : `choose from ${known.sort().join(', ')}`;
  return new UsageError(`--op ${op}: no case checks it; ${hint}`);
}

/** Up to five names that hold the word, or are a few letters away from it; the nearest first. */
export function closest(word: string, names: readonly string[]): string[] {
  const limit = Math.max(2, Math.floor(word.length / 3));
  return names
    .map((name) => ({ name, far: name.includes(word) ? 0 : distance(word, name) }))
    .filter(({ far }) => far <= limit)
    .sort((a, b) => a.far - b.far || a.name.length - b.name.length)
    .slice(0, 5)
    .map(({ name }) => name);
}

/** Levenshtein's: letters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let previous = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const current = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = previous[j - 1]! + Number(a[i - 1] !== b[j - 1]);
      current.push(Math.min(replaced, previous[j]! + 1, current[j - 1]! + 1));
    }
    previous = current;
  }
  return previous[b.length]!;
}

const figure = (value: number): string => {
  if (Number.isNaN(value)) return '-';
  return value === 0 ? '0' : Number.isFinite(value) ? value.toExponential(2) : 'infinite';
};

/** A row as a line, in columns as wide as the longest of their kind. */
function printer({ subjects }: Work, dtype: VerifyOptions['dtype'], stdout: Output): (row: Row) => string {
  const color = colorsOf(stdout);
  const widest = (texts: readonly string[]) => texts.reduce((most, text) => Math.max(most, text.length), 0);
  const ops = widest(subjects.map(({ op }) => op));
  const names = widest(subjects.map(({ name }) => name));
  const paint = {
    ok: color.green,
    failed: color.red,
    unsupported: color.yellow,
    'not applicable': color.yellow,
  } as const;
  return ({ status, ...row }) => {
    const columns = [
      paint[status]((status === 'failed' ? 'FAILED' : status).padEnd(dtype === 'f16' ? 14 : 11)),
      printable(row.op).padEnd(ops),
      printable(row.name).padEnd(names),
      row.direction.padEnd(8),
      figure(row.maxError).padStart(9),
      figure(row.tolerance).padStart(9),
      printable(row.message),
    ];
    return columns.join('  ').trimEnd();
  };
}
