/** Whether a device is lost, and why: known from the next microtask on, for devices that were asked about before. */
export interface Loss {
  readonly info?: GPUDeviceLostInfo;
}

// One record a device, however often it is borrowed: a promise keeps all that waits for it.
const losses = new WeakMap<GPUDevice, Loss>();

/** The record of a device's loss, which fills in when it happens. */
export function lossOf(device: GPUDevice): Loss {
  const known = losses.get(device);
  if (known) return known;
  const loss: { info?: GPUDeviceLostInfo } = {};
  losses.set(device, loss);
  device.lost.then((info) => {
    loss.info = info;
  });
  return loss;
}
