import { FoveaError } from '../errors.ts';

/** Reads something of a file, whose name errors then begin with. */
export function inFile<T>(file: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof FoveaError) error.message = `${file}: ${error.message}`;
    throw error;
  }
}
