import { DataError, DeviceLimitError, OutOfMemoryError, ShapeError } from 'fovea';
import { BadData, type DataFault } from 'fovea/data';
import { PlaceError } from './place/placeError.ts';

/** Whether an error is about one image or file, and the next may do: it cannot be read, or is too large for the device. */
export const isOfImage = (error: unknown): error is Error =>
  !(error instanceof PlaceError) &&
  [DataError, ShapeError, DeviceLimitError, OutOfMemoryError].some((kind) => error instanceof kind);

/** The message of an error, which begins with the name of its file. */
export const messageOf = ({ message }: Error, file: string): string =>
  message.startsWith(file) ? message : `${file}: ${message}`;

/** An error as a fault of an image or file. */
export const imageFault = (error: Error, file: string): DataFault & { readonly level: 'image' } => ({
  level: 'image',
  kind: error instanceof BadData ? error.kind : 'other',
  message: messageOf(error, file),
});
