/** How `exportOnnx` writes weights and constants, and how they are told from each other when its files are read. */
import { DataError } from '../errors.ts';
import type { FileTensor } from '../io/fileTensor.ts';
import { type TorchLayout, toTorch } from '../io/layout.ts';
import { type HostArray, numel, type Shape } from '../shape.ts';
import { natural, type Order } from './value.ts';

/**
 * What names of initializers begin with that `exportOnnx` writes for constants: sizes, anchors, the means of images. They are no weights of
 * the model, so `loadOnnx` does not train them and `readOnnxWeights` leaves them out. No field of a module has a slash in its name.
 */
export const OWN_CONSTANT = 'fovea/';

/** The metadata that tell of weights that are not as PyTorch stores them: JSON, a `StoredWeight` by name. */
export const OWN_WEIGHTS = 'fovea.weights';

/** A weight that is not in PyTorch's layout in the file, because an operation takes it otherwise. */
export interface StoredWeight {
  /** Its shape in the model. */
  readonly shape: Shape;
  /** The dimensions of the model in the order of the file. */
  readonly order: Order;
  /** How PyTorch stores it, where that differs from the model. */
  readonly torch?: TorchLayout;
}

/** Whether a weight in this order is as PyTorch stores it: [O,I,kh,kw] of [kh,kw,I,O], [O,I] of [I,O], or as it is. */
export function isAsTorch({ shape, order, torch }: StoredWeight): boolean {
  if (!torch) return String(order) === String(natural(shape.length));
  return String(order) === (shape.length === 4 ? '3,2,0,1' : torch.taps === 1 ? '1,0' : '');
}

/** Values in another order of dimensions. */
export function ordered<Values extends HostArray>(values: Values, shape: Shape, order: Order): Values {
  if (order.every((axis, i) => axis === i)) return values;
  const strides = shape.map((_, i) => numel(shape.slice(i + 1)));
  const steps = order.map((axis) => strides[axis]!);
  const sizes = order.map((axis) => shape[axis]!);
  const result = values.slice() as Values;
  const at = new Array<number>(order.length).fill(0);
  let from = 0;
  for (let i = 0; i < result.length; i++) {
    result[i] = values[from]!;
    for (let d = order.length - 1; d >= 0; d--) {
      from += steps[d]!;
      if (++at[d]! < sizes[d]!) break;
      from -= sizes[d]! * steps[d]!;
      at[d] = 0;
    }
  }
  return result;
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);

/** An entry of the metadata. Throws DataError where it does not fit the weight. */
function storedWeight(name: string, value: unknown, { shape: stored }: FileTensor): StoredWeight {
  const { shape, order, torch } = Object(value);
  const fits =
    isSizes(shape) &&
    isSizes(order) &&
    String([...order].sort((a, b) => a - b)) === String(natural(shape.length)) &&
    String(order.map((axis) => shape[axis])) === String(stored) &&
    (torch === undefined ||
      (isSizes(torch.shape) &&
        isSizes([torch.outer, torch.inner, torch.taps]) &&
        numel(torch.shape) === numel(shape) &&
        torch.outer * torch.inner * torch.taps === numel(shape)));
  if (fits) return { shape, order, ...(torch ? { torch } : {}) };
  throw new DataError(
    `its metadata ${OWN_WEIGHTS} does not fit the weight ${JSON.stringify(name)} of shape [${stored}]; export the model again`,
  );
}

/** Turns the weights of a file of `exportOnnx` that are not as PyTorch stores them. `metadata`: those of the file. */
export function restoreWeights(tensors: Map<string, FileTensor>, metadata: string | undefined): void {
  if (metadata === undefined) return;
  let entries: Record<string, unknown>;
  try {
    entries = Object(JSON.parse(metadata));
  } catch {
    throw new DataError(`its metadata ${OWN_WEIGHTS} is no JSON; export the model again`);
  }
  for (const [name, value] of Object.entries(entries)) {
    const tensor = tensors.get(name);
    if (!tensor || !(tensor.data instanceof Float32Array)) continue;
    const { shape, order, torch } = storedWeight(name, value, tensor);
    const back = natural(order.length).map((axis) => order.indexOf(axis));
    const data = ordered(tensor.data, tensor.shape, back);
    tensors.set(name, {
      dtype: 'f32',
      shape: torch?.shape ?? shape,
      data: torch ? toTorch(data, torch) : data,
    });
  }
}
