import { setMaxListeners } from 'node:events';
import { UsageError } from 'fovea';
import { type Alike, arrangeFiles, checkFiles, findAlike } from './arrange.ts';
import { Downloader, type DownloadOptions } from './download.ts';
import { DownloadError } from './failure.ts';
import { Journal } from './journal.ts';
import { Keeper, type KeepOptions } from './keeper.ts';
import type { ListRow, UrlList } from './list.ts';
import type { Dedupe } from './options.ts';
import {
  failed,
  isSuccess,
  keyOf,
  type Links,
  type ManifestRecord,
  type Outcome,
  parseRecord,
  Records,
} from './records.ts';
import { Store } from './store.ts';
import { byTurns } from './turns.ts';
import { parseUrl } from './url.ts';

/** How images are gathered. */
export interface GatherOptions extends DownloadOptions, KeepOptions {
  readonly dedupe: Dedupe;
  /** Most bits in which the perceptual hashes of images differ that look alike. */
  readonly distance: number;
  /** Whether what failed in an earlier run is not tried again. */
  readonly skipFailed: boolean;
}

/** What a run says of itself. */
export interface GatherEvents {
  /** Before the first request: how many URLs there are, each counted once, and how many of them an earlier run has done. */
  begin(urls: number, done: number): void;
  /** One more is done. */
  done(): void;
}

/** The manifest: it grows by a line for each URL that is done, and is put into the order of the list at the end. */
export const MANIFEST = 'manifest.jsonl';
/** The same as a table, at the end. */
export const TABLE = 'manifest.csv';

/** For each request at a time so many rows are under way: most of them wait for their host. */
const WAITING = 10;

/** A list whose URLs are fetched once each. */
interface Rows {
  /** The first row of each URL, in their order. */
  readonly firsts: readonly ListRow[];
  /** For each row the first one of the same URL; URLs that differ in their fragment alone are the same. */
  readonly firstOf: readonly number[];
}

const plainUrl = (text: string): string => {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  url.hash = '';
  return url.href;
};

function rowsOf({ rows }: UrlList): Rows {
  const seen = new Map<string, number>();
  const firsts: ListRow[] = [];
  const firstOf = rows.map((row) => {
    const key = plainUrl(row.url);
    const first = seen.get(key) ?? row.index;
    if (first === row.index) {
      seen.set(key, first);
      firsts.push(row);
    }
    return first;
  });
  return { firsts, firstOf };
}

const hostOf = ({ url }: ListRow): string => (URL.canParse(url) ? new URL(url).hostname : '');

/** Opens the manifest of an earlier run, with what it found out, or begins one. UsageError where it is of another list. */
async function openManifest(
  list: UrlList,
  { firstOf }: Rows,
  store: Store,
): Promise<{ readonly journal: Journal; readonly outcomes: Map<number, Outcome> }> {
  const outcomes = new Map<number, Outcome>();
  const journal = await Journal.open(store.at(MANIFEST), (line) => {
    const record = parseRecord(line);
    if (!record) return;
    const { index, url, outcome } = record;
    const now = list.rows[index]?.url;
    if (now !== url) {
      const is = now === undefined ? 'missing' : JSON.stringify(now);
      throw new UsageError(
        `${list.file}: URL ${index + 1} is ${is}, and was ${JSON.stringify(url)} when ${store.folder} was begun; only add URLs at the end, or choose another --out`,
      );
    }
    // What is said of a row that repeats a URL follows from the first one.
    if (firstOf[index] === index) outcomes.set(index, outcome);
  });
  return { journal, outcomes };
}

/** The records of all rows, by what came of the first ones. */
function* recordsOf(
  list: UrlList,
  { firstOf }: Rows,
  outcomes: ReadonlyMap<number, Outcome>,
  { sameAs, looksLike }: Alike,
): Generator<ManifestRecord> {
  const records = new Records(list);
  for (const row of list.rows) {
    const first = firstOf[row.index]!;
    const other = (index: number | undefined): string | null =>
      index === undefined || index === row.index ? null : keyOf(index);
    const links: Links = {
      repeats: other(first),
      duplicate_of: other(sameAs.get(first)),
      near_duplicate_of: other(looksLike.get(first)),
    };
    yield records.of(row, outcomes.get(first)!, links);
  }
}

/** Fetches rows and says in the manifest what came of them, until all are done, one ends with an error that is not its own, or `stop` says so. */
async function fetchRows(
  rows: readonly ListRow[],
  options: GatherOptions,
  stop: AbortController,
  keeper: Keeper,
  done: (row: ListRow, outcome: Outcome) => Promise<void>,
): Promise<void> {
  // All that waits listens to it.
  setMaxListeners(0, stop.signal);
  const downloader = new Downloader(options, stop.signal);
  const outcomeOf = async ({ index, url }: ListRow): Promise<Outcome> => {
    try {
      return await downloader.get(parseUrl(url), (downloaded) => keeper.keep(index, downloaded));
    } catch (error) {
      if (error instanceof DownloadError) return failed(error.status, error.message);
      throw error;
    }
  };
  const most = options.concurrency * WAITING;
  const turns = byTurns(rows, hostOf, most);
  // All take from the same turns.
  const worker = async (): Promise<void> => {
    for (const row of turns) await done(row, await outcomeOf(row));
  };
  const workers = Array.from({ length: Math.min(most, rows.length) }, () =>
    worker().catch((error) => stop.abort(error)),
  );
  await Promise.all(workers);
  await downloader.close();
  stop.signal.throwIfAborted();
}

/**
 * Fetches the images of a list into a folder, and writes a record for each of its rows. What an earlier run into the folder has fetched is
 * not fetched again. The result depends neither on how often that was stopped, nor on the order in which servers answer.
 *
 * @param signal Stops the run, which then throws the signal's reason. What is done is kept.
 * @returns The records, in the order of the list.
 * @throws UsageError where the folder is of another list or other settings; DataError where the disk refuses.
 */
export async function gather(
  list: UrlList,
  folder: string,
  options: GatherOptions,
  signal: AbortSignal,
  events: GatherEvents,
): Promise<Iterable<ManifestRecord>> {
  const { size, format, quality, dedupe, distance, skipFailed } = options;
  const rows = rowsOf(list);
  const store = await Store.open(folder, { size, format, quality });
  const { journal, outcomes: before } = await openManifest(list, rows, store);
  const outcomes = await checkFiles(before, store);
  const isDone = (outcome: Outcome | undefined): boolean =>
    isSuccess(outcome) || (skipFailed && outcome !== undefined);
  const left = rows.firsts.filter(({ index }) => !isDone(outcomes.get(index)));
  events.begin(rows.firsts.length, rows.firsts.length - left.length);

  const records = new Records(list);
  const stop = new AbortController();
  const forward = (): void => stop.abort(signal.reason);
  signal.addEventListener('abort', forward, { once: true });
  try {
    signal.throwIfAborted();
    const keeper = new Keeper(store, options, outcomes.values());
    await fetchRows(left, options, stop, keeper, async (row, outcome) => {
      await journal.append(JSON.stringify(records.of(row, outcome)));
      outcomes.set(row.index, outcome);
      events.done();
    });
  } finally {
    signal.removeEventListener('abort', forward);
    await journal.close();
  }
  const alike = findAlike(outcomes, distance);
  const arranged = await arrangeFiles(outcomes, alike, dedupe, store);
  const manifest = { [Symbol.iterator]: () => recordsOf(list, rows, arranged, alike) };
  await store.writeLines(
    MANIFEST,
    lines(manifest, (record) => `${JSON.stringify(record)}\n`),
  );
  await store.writeLines(TABLE, table(records, manifest));
  await store.close();
  return manifest;
}

function* lines<T>(things: Iterable<T>, line: (thing: T) => string): Generator<string> {
  for (const thing of things) yield line(thing);
}

function* table(records: Records, manifest: Iterable<ManifestRecord>): Generator<string> {
  yield records.header();
  yield* lines(manifest, (record) => records.csv(record));
}
