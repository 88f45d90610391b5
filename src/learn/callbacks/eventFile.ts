import { create, toBinary } from '@bufbuild/protobuf';
import type { GrowingFile } from '../../io/files.ts';
import type { Logs } from '../history.ts';
import { type Event, EventSchema, SummarySchema } from './event_pb.ts';

/** The polynomial of CRC-32C (Castagnoli), its bits reversed. */
const POLYNOMIAL = 0x82f63b78;

let table: Uint32Array | undefined;

function crc32c(bytes: Uint8Array): number {
  table ??= Uint32Array.from({ length: 256 }, (_, byte) => {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    return crc;
  });
  let crc = ~0;
  for (const byte of bytes) crc = (crc >>> 8) ^ table[(crc ^ byte) & 0xff]!;
  return ~crc >>> 0;
}

/** The checksum of TFRecord files: rotated, so that checksums of data with checksums in it do not degenerate. */
function maskedCrc(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

/** A record of a TFRecord file: length, checksum of the length, data, checksum of the data; all little-endian. */
function tfRecord(data: Uint8Array): Uint8Array {
  const record = new Uint8Array(data.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc(record.subarray(0, 8)), true);
  record.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc(data), true);
  return record;
}

const recordOf = (step: number, what: Event['what']): Uint8Array =>
  tfRecord(
    toBinary(EventSchema, create(EventSchema, { wallTime: Date.now() / 1000, step: BigInt(step), what })),
  );

/** The version that TensorBoard looks for in the first record, with the name of what wrote the file behind the point. */
const VERSION = 'brain.Event:2';

/** Numbers at a step. */
export interface Scalars {
  readonly step: number;
  /** By tag. */
  readonly values: Logs;
}

/** An event file, as TensorBoard reads it: numbers at steps, appended. Node only. */
export class EventFile {
  readonly #file: GrowingFile;

  /** @param file Where it is written. */
  constructor(file: GrowingFile) {
    this.#file = file;
  }

  /** What is needed to continue the file: its length in bytes. */
  get length(): number {
    return this.#file.length;
  }

  /** Appends numbers, each as an event of its own. `flush`: waits until they are on the disk. */
  async add(scalars: readonly Scalars[], options: { readonly flush: boolean }): Promise<void> {
    const records = scalars.flatMap(({ step, values }) =>
      Object.entries(values).map(([tag, value]) =>
        recordOf(step, {
          case: 'summary',
          value: create(SummarySchema, { value: [{ tag, value: { case: 'simpleValue', value } }] }),
        }),
      ),
    );
    if (this.#file.length === 0) records.unshift(recordOf(0, { case: 'fileVersion', value: VERSION }));
    const bytes = new Uint8Array(records.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const record of records) {
      bytes.set(record, at);
      at += record.length;
    }
    await this.#file.append(bytes, options);
  }
}

/** A name that TensorBoard takes for an event file, and that no other file has: with the Unix time, by which it sorts them. */
export function eventFileName(): string {
  const time = String(Math.floor(Date.now() / 1000)).padStart(10, '0');
  return `events.out.tfevents.${time}.fovea.${crypto.randomUUID()}.v2`;
}
