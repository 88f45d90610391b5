/** Archives that were compressed after torch.save had written them. */
import { DataError } from '../../errors.ts';
import { inflateInto } from '../../inflate.ts';
import { quote } from '../fileTensor.ts';
import { MAX_EXTRA_BYTES, MAX_GROWTH } from './tensors.ts';
import type { ZipArchive } from './zip.ts';

/** What is read of an archive; not the code of TorchScript, which is compressed by itself. */
const READ = /(^|\/)(data\.pkl|byteorder|data\/[^/]+)$/;

/**
 * The archive with all that is read of it inflated; itself where nothing is compressed. The sizes that its entries claim are
 * compared with the file's before anything is allocated, and no entry is inflated beyond its claim.
 *
 * @param fileBytes The size of the file.
 * @throws DataError for entries that claim too much, or do not hold what they claim.
 */
export async function inflated(archive: ZipArchive, file: string, fileBytes: number): Promise<ZipArchive> {
  const packed = archive.names.filter((name) => READ.test(name) && archive.deflated(name));
  if (packed.length === 0) return archive;
  const fault = (problem: string, fix: string) => new DataError(`${file}: zip archive: ${problem}; ${fix}`);
  const total = packed.reduce((sum, name) => sum + archive.deflated(name)!.size, 0);
  if (!(total <= MAX_GROWTH * fileBytes + MAX_EXTRA_BYTES)) {
    throw fault(
      `its entries claim to inflate to ${total} bytes, over ${MAX_GROWTH} times the ${fileBytes} of the file`,
      'unpack it and pack it without compression (zip -0 -r), if you trust it',
    );
  }
  const found = new Map<string, Uint8Array>();
  for (const name of packed) {
    const { bytes, size } = archive.deflated(name)!;
    const out = new Uint8Array(size);
    const length = await inflateInto(out, bytes, 'deflate-raw').catch(() => -1);
    if (length !== size) {
      const held = length < 0 ? 'cannot be inflated' : `holds ${length > size ? 'more' : length} bytes`;
      throw fault(`entry ${quote(name)} ${held}, claims ${size}`, 'copy or download the file again');
    }
    found.set(name, out);
  }
  return { ...archive, get: (name) => found.get(name) ?? archive.get(name) };
}
