import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { DataError, DeviceLostError, FoveaError, type Gpu } from 'fovea';
import { decodeSafetensors, readFileBytes, type StateDict } from 'fovea/io';
import { type ModelCase, type ModelRow, verifyModel } from 'fovea/verify';
import { colorsOf } from '../colors.ts';
import { fileProblem } from '../files.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';

/** The case folders in a folder, by name, or the one that it is: those with a `model.json`. Throws DataError where there is none. */
export async function modelFolders(path: string): Promise<string[]> {
  const isCase = async (folder: string): Promise<boolean> =>
    stat(join(folder, 'model.json')).then(
      (file) => file.isFile(),
      () => false,
    );
  try {
    if (await isCase(path)) return [path];
    const found: string[] = [];
    for (const name of (await readdir(path)).sort()) {
      if (await isCase(join(path, name))) found.push(join(path, name));
    }
    if (found.length > 0) return found;
  } catch (error) {
    throw new DataError(`${path}: cannot be read (${fileProblem(error)}); give the folder of model cases`, {
      cause: error,
    });
  }
  throw new DataError(`${path}: contains no folder with a model.json; give the folder of model cases`);
}

async function readCase(folder: string): Promise<ModelCase> {
  const tensors = async (file: string): Promise<StateDict> => {
    const path = join(folder, `${file}.safetensors`);
    return decodeSafetensors(await readFileBytes(path), path).tensors;
  };
  return {
    name: basename(folder),
    description: await readFile(join(folder, 'model.json'), 'utf8'),
    weights: await tensors('weights'),
    inputs: await tensors('inputs'),
    expected: await tensors('expected'),
  };
}

/** What of an error is a case's own: the next one may still be right. */
function failed(folder: string, error: unknown): ModelRow {
  if (!(error instanceof FoveaError) || error instanceof DeviceLostError) throw error;
  return {
    name: basename(folder),
    kind: '-',
    ok: false,
    summary: '',
    problem: error.message,
    milliseconds: 0,
  };
}

/** Checks whole models against torchvision: a line a case. Cases are read one by one, for their weights are large. */
export async function verifyModels(
  gpu: Gpu,
  folders: readonly string[],
  stdout: Output,
): Promise<ModelRow[]> {
  const color = colorsOf(stdout);
  const widest = Math.max(...folders.map((folder) => basename(folder).length));
  const rows: ModelRow[] = [];
  for (const folder of folders) {
    const row = await readCase(folder)
      .then((modelCase) => verifyModel(gpu, modelCase))
      .catch((error: unknown) => failed(folder, error));
    rows.push(row);
    const status = row.ok ? color.green('ok    ') : color.red('FAILED');
    const seconds = `${(row.milliseconds / 1000).toFixed(1)} s`;
    const columns = [
      status,
      printable(row.name).padEnd(widest),
      row.kind.padEnd(8),
      seconds.padStart(7),
      printable(row.summary),
    ];
    stdout.write(`${[...columns, printable(row.problem)].join('  ').trimEnd()}\n`);
  }
  return rows;
}
