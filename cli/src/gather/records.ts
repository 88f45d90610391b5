import { csvLine } from '../csv.ts';
import type { Status } from './failure.ts';
import type { ListRow, UrlList } from './list.ts';

/** What came of a URL, under the names of img2dataset's columns where it has one; null for what is not known. */
export interface Outcome {
  readonly status: Status;
  readonly error_message: string | null;
  /** Of what is stored, as it is shown. */
  readonly width: number | null;
  readonly height: number | null;
  /** Of what was downloaded. */
  readonly original_width: number | null;
  readonly original_height: number | null;
  /** Of the bytes that were downloaded. */
  readonly sha256: string | null;
  /** The perceptual hash (pHash) of the image, in base 16; see fovea hash. */
  readonly phash: string | null;
  /** How many bytes were downloaded. */
  readonly bytes: number | null;
  /** As the server calls it. */
  readonly content_type: string | null;
  /** Where redirects led. */
  readonly final_url: string | null;
  /** The stored file, below the folder; an image of the same bytes may be of another row. */
  readonly file: string | null;
}

/** An outcome with an image. */
export type Success = Outcome & {
  readonly status: 'success';
  readonly sha256: string;
  readonly phash: string;
  readonly file: string;
};

export const isSuccess = (outcome: Outcome | undefined): outcome is Success => outcome?.status === 'success';

/** What a record says of other rows, by their keys. */
export interface Links {
  /** The first row of the same URL, which is fetched once. */
  readonly repeats: string | null;
  /** The first row whose image has the same bytes. */
  readonly duplicate_of: string | null;
  /** The first row whose image looks like this one, and like none before. */
  readonly near_duplicate_of: string | null;
}

export const NO_LINKS: Links = { repeats: null, duplicate_of: null, near_duplicate_of: null };

const NOTHING: Outcome = {
  status: 'failed_to_download',
  error_message: null,
  width: null,
  height: null,
  original_width: null,
  original_height: null,
  sha256: null,
  phash: null,
  bytes: null,
  content_type: null,
  final_url: null,
  file: null,
};

/** The outcome of a URL that gave no image. */
export const failed = (status: Exclude<Status, 'success'>, message: string): Outcome => ({
  ...NOTHING,
  status,
  error_message: message,
});

/** Images of a folder. */
const SHARD = 10_000;

/** The key of a row, as img2dataset numbers them: nine digits. */
export const keyOf = (index: number): string => String(index).padStart(9, '0');

/** Where the image of a row is stored: `00000/000000012.jpg`, ten thousand rows a folder. */
export const pathOf = (index: number, extension: string): string =>
  `${String(Math.floor(index / SHARD)).padStart(5, '0')}/${keyOf(index)}${extension}`;

/** A line of the manifest. */
export type ManifestRecord = Readonly<Record<string, string | number | null>>;

const OWN = ['key', 'url', ...Object.keys(NOTHING), ...Object.keys(NO_LINKS)];

/** Names for the columns of the list that are carried along: `input_width` where the record has a column of that name. */
export function carriedNames(columns: readonly string[]): string[] {
  const taken = new Set(OWN);
  return columns.map((name, i) => {
    const plain = name === '' ? `column_${i + 1}` : name;
    let free = taken.has(plain) ? `input_${plain}` : plain;
    for (let n = 2; taken.has(free); n++) free = `input_${plain}_${n}`;
    taken.add(free);
    return free;
  });
}

/** Makes the records of a list. */
export class Records {
  /** The columns in their order. */
  readonly columns: readonly string[];
  readonly #carried: readonly string[];

  constructor({ columns }: Pick<UrlList, 'columns'>) {
    this.#carried = carriedNames(columns);
    this.columns = ['key', 'url', ...this.#carried, ...OWN.slice(2)];
  }

  /** What the manifest says of a row. */
  of(row: ListRow, outcome: Outcome, links: Links = NO_LINKS): ManifestRecord {
    const carried = Object.fromEntries(this.#carried.map((name, i) => [name, row.fields[i] ?? '']));
    return { key: keyOf(row.index), url: row.url, ...carried, ...outcome, ...links };
  }

  /** The first line of a CSV file of records. */
  header(): string {
    return csvLine(this.columns);
  }

  /** The record as a line of it. */
  csv(record: ManifestRecord): string {
    return csvLine(this.columns.map((name) => String(record[name] ?? '')));
  }
}

const STATUSES: readonly unknown[] = ['success', 'failed_to_download', 'failed_to_resize'] satisfies Status[];

/** Reads a record back: its row, its URL, and what came of it. Undefined for a line that is none. */
export function parseRecord(line: string): { index: number; url: string; outcome: Outcome } | undefined {
  let record: Record<string, unknown>;
  try {
    record = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof record !== 'object' || record === null) return undefined;
  const { key, url, status, sha256, phash, file } = record;
  if (typeof key !== 'string' || !/^\d{9,}$/.test(key) || typeof url !== 'string') return undefined;
  if (!STATUSES.includes(status)) return undefined;
  if (status === 'success' && [sha256, phash, file].some((text) => typeof text !== 'string'))
    return undefined;
  const fields = Object.keys(NOTHING).map((name) => [name, record[name] ?? null]);
  return { index: Number(key), url, outcome: Object.fromEntries(fields) as unknown as Outcome };
}
