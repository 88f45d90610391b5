import type { HostArray } from '../shape.ts';
import type { Device } from './device.ts';

/** Elements that live on a device already: those of an image that was made there. They do not change. */
export interface DeviceData {
  /**
   * Copies them into a buffer, after all that was submitted before. Throws UsageError where that is another device's, and LifetimeError
   * once they are freed.
   */
  copyTo(device: GPUDevice, buffer: GPUBuffer): void;
}

/** Puts values into a buffer, wherever they are. */
export function put(device: Device, buffer: GPUBuffer, values: HostArray | DeviceData): void {
  if ('copyTo' in values) values.copyTo(device.device, buffer);
  else device.write(buffer, values);
}
