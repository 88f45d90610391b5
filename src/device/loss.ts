import { perDevice } from './perDevice.ts';

/** Whether a device is lost, and why: known from the next microtask on, for devices that were asked about before. */
export interface Loss {
  readonly info?: GPUDeviceLostInfo;
}

/**
 * The record of a device's loss, which fills in when it happens. One record a device, however often it is borrowed: a
 * promise keeps all that waits for it.
 */
export const lossOf = /* @__PURE__ */ perDevice((device): Loss => {
  const loss: { info?: GPUDeviceLostInfo } = {};
  device.lost.then((info) => {
    loss.info = info;
  });
  return loss;
});
