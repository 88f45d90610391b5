import { type Computer, defaults } from '../graph/tensor.ts';

const open: Computer[] = [];

/** Makes a Gpu the one that `Tensor.data` uses by default, until it is closed. */
export function opened(gpu: Computer): void {
  open.push(gpu);
  defaults.computerFor = () => open.at(-1);
}

/** Takes a Gpu back; the one opened before it is the default again. */
export function closed(gpu: Computer): void {
  const at = open.indexOf(gpu);
  if (at >= 0) open.splice(at, 1);
}
