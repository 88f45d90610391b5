/** Results as they travel from a worker: JSON, in which typed arrays are objects with their type and bytes. */
import { DataError } from 'fovea';

const ARRAYS = {
  Uint8Array,
  Uint8ClampedArray,
  Int32Array,
  Uint32Array,
  Float32Array,
  Float64Array,
} as const;
type ArrayName = keyof typeof ARRAYS;

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Buffer =>
  Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);

/** A value as one line of JSON. Numbers keep every bit, also in typed arrays; NaN and Infinity outside of them are not kept. */
export const encodeValue = (value: unknown): string =>
  JSON.stringify(value, (_, item: unknown) => {
    if (!ArrayBuffer.isView(item)) return item;
    return { $array: item.constructor.name, base64: bytesOf(item).toString('base64') };
  });

/** The value that `encodeValue` made a line of. Throws DataError for what is none. */
export function decodeValue(line: string, name: string): unknown {
  try {
    return JSON.parse(line, (_, item: unknown) => {
      if (typeof item !== 'object' || item === null || !('$array' in item)) return item;
      const { $array, base64 } = item as { $array: ArrayName; base64: string };
      const bytes = Buffer.from(base64, 'base64');
      const { BYTES_PER_ELEMENT: width } = ARRAYS[$array];
      if (bytes.length % width !== 0) throw new RangeError(`${bytes.length} bytes are no ${$array}`);
      // A view needs an offset that its numbers can begin at.
      const copy = new Uint8Array(bytes);
      return new ARRAYS[$array](copy.buffer, 0, copy.length / width);
    });
  } catch (error) {
    throw new DataError(
      `${name}: is damaged (${(error as Error).message}); run this part of the batch again`,
      {
        cause: error,
      },
    );
  }
}
