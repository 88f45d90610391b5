import { AdapterError } from '../../src/errors.ts';
import { type Gpu, openGpu } from '../../src/plan/gpu.ts';

export type { Gpu } from '../../src/plan/gpu.ts';

let opened: Promise<Gpu> | undefined;

/** The page's one GPU; a new one after the device was lost or could not be opened. */
export function getGpu(): Promise<Gpu> {
  if (!opened) {
    const pending = open();
    const forget = () => {
      if (opened === pending) opened = undefined;
    };
    pending.then((gpu) => gpu.device.device.lost.then(forget), forget);
    opened = pending;
  }
  return opened;
}

async function open(): Promise<Gpu> {
  if (!globalThis.isSecureContext) {
    throw new AdapterError(
      `browsers offer WebGPU on secure pages only, and ${location.origin} is not one; open this page at http://127.0.0.1 or through https`,
    );
  }
  return openGpu();
}
