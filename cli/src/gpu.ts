import { type AdapterChoice, type Gpu, openGpu } from 'fovea';
import { colorsOf } from './colors.ts';
import type { Output } from './output.ts';
import { printable } from './printable.ts';

/** The line that every command begins with: which adapter, and loudly if it is the CPU. */
export const adapterLine = (gpu: Gpu, stream: Pick<Output, 'isTTY'>): string =>
  adapterText(gpu.device.adapter, stream);

/** The same of an adapter that is known by its name. */
export function adapterText(
  adapter: { readonly name: string; readonly software: boolean },
  stream: Pick<Output, 'isTTY'>,
): string {
  const { software } = adapter;
  const name = printable(adapter.name);
  const color = colorsOf(stream);
  return software
    ? `${color.bold(color.yellow('SOFTWARE ADAPTER'))}: ${name}; this runs on the CPU, a GPU is far faster`
    : `adapter: ${name}`;
}

/** Opens the device, says which, runs fn, and closes the device again. */
export async function withGpu<T>(adapter: string | undefined, fn: (gpu: Gpu) => Promise<T>): Promise<T> {
  const gpu = await openGpu(adapter === undefined ? {} : { adapter: adapter as AdapterChoice });
  process.stderr.write(`${adapterLine(gpu, process.stderr)}\n`);
  try {
    return await fn(gpu);
  } finally {
    gpu.dispose();
  }
}
