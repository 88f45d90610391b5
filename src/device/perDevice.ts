/** A value for each device, made when it is first asked for. Keyed weakly: what is of a device goes when the device goes. */
export function perDevice<T extends object>(make: (device: GPUDevice) => T): (device: GPUDevice) => T {
  const made = new WeakMap<GPUDevice, T>();
  return (device) => {
    let value = made.get(device);
    if (!value) {
      value = make(device);
      made.set(device, value);
    }
    return value;
  };
}
