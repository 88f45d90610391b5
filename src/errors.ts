/**
 * Every error that Fovea throws on purpose. Each names the operation or file, the values that do not fit
 * and the way out, in one line, and is thrown before anything is dispatched or written.
 */
export class FoveaError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/** Shapes, ranks, dtypes or attributes that an operation cannot take. */
export class ShapeError extends FoveaError {}

/** No adapter, or no driver for one. */
export class AdapterError extends FoveaError {}

/** A tensor, binding or workgroup over what the device offers. */
export class DeviceLimitError extends FoveaError {}

/** The device refused an allocation. It stays usable: free something or ask for less. */
export class OutOfMemoryError extends FoveaError {}

/** The device is gone: disposed of, destroyed by its owner, or lost by the driver. Open a new one and go on. */
export class DeviceLostError extends FoveaError {}

/** WebGPU found a command invalid, or a shader does not compile. */
export class GpuError extends FoveaError {}

/** Something used after its end or outside of its place: a disposed step, another step's input, an overwritten result. */
export class LifetimeError extends FoveaError {}

/** Input files that cannot be used: images, annotations, weights. Names the file, the place and the fix. */
export class DataError extends FoveaError {}

/** Weights that do not belong to the model: lists the missing and unexpected keys. */
export class StateDictError extends FoveaError {}

/** A loss that is NaN or infinite: names the step and the loss. */
export class NumericError extends FoveaError {}

/** Arguments or options that cannot be used: of a constructor, a function, or on the command line. */
export class UsageError extends FoveaError {}
