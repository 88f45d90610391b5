import { DataError } from 'fovea';
import { BadData, type DataFault, type FaultKind } from 'fovea/data';
import { diskFiles } from './dataFiles.ts';
import type { DataOptions } from './dataOptions.ts';
import { checkOutputFile, writeFileAtomic } from './files.ts';
import { printable } from './printable.ts';

type Level = DataFault['level'];

const LEVELS: readonly (readonly [level: Level, one: string, many: string])[] = [
  ['image', 'image', 'images'],
  ['annotation', 'annotation with its image', 'annotations with their images'],
  ['object', 'object', 'objects'],
  ['part', 'part of an object', 'parts of objects'],
  ['class', 'class', 'classes'],
];

const LEAVE_OUT = 'leave out what is bad (--skip-bad)';

/** The error with the way out that the readers add to theirs. */
const withHint = (error: DataError, kind: FaultKind): DataError =>
  error.message.includes(LEAVE_OUT)
    ? error
    : new BadData(kind, `${error.message}, or ${LEAVE_OUT}`, { cause: error });

/** The places in files that messages name behind the file. */
const PLACE =
  /^(?:line \d+(?:, column \d+)?|object \d+ \(line \d+\)|(?:shapes|images|annotations|categories)\[\d+\](?: \(id -?\d+\))?[^\s:;]*|imageData)/;

/** A fault in the report, with the file that its message names, and the place in it, where they are known. */
interface LocatedFault extends DataFault {
  readonly file?: string;
  readonly place?: string;
}

/** Adds the file of each fault: the longest beginning of its message, up to a colon, that is a path of something. */
async function located(faults: readonly DataFault[]): Promise<LocatedFault[]> {
  const known = new Map<string, boolean>();
  const isThere = async (path: string): Promise<boolean> => {
    const found = known.get(path) ?? (await diskFiles.kind(path)) !== undefined;
    known.set(path, found);
    return found;
  };
  const found: LocatedFault[] = [];
  for (const fault of faults) {
    const { message } = fault;
    let file: string | undefined;
    for (
      let at = message.indexOf(': '), i = 0;
      at > 0 && i < MOST_COLONS;
      at = message.indexOf(': ', at + 1), i++
    ) {
      if (await isThere(message.slice(0, at))) file = message.slice(0, at);
    }
    // An image that is missing begins its message, too.
    file ??= /^(\S.*?\.\w{1,5}): /.exec(message)?.[1];
    const place = file === undefined ? undefined : PLACE.exec(message.slice(file.length + 2))?.[0];
    found.push({
      ...fault,
      ...(file === undefined ? {} : { file }),
      ...(place === undefined ? {} : { place }),
    });
  }
  return found;
}
const MOST_COLONS = 6;

/** What was bad in a data set: counted for the summary, and kept for the report. */
export class FaultLog {
  readonly #faults: DataFault[] = [];
  readonly #known = new Set<string>();
  #reported = false;

  /** Counts a fault. Messages name the place, so one that occurs again is of a second reading of the data set. */
  readonly add = (fault: DataFault): void => {
    const key = `${fault.level} ${fault.kind} ${fault.message}`;
    if (this.#known.has(key)) return;
    this.#known.add(key);
    this.#faults.push(fault);
  };

  /** Reports something that was changed and then used. */
  note(kind: FaultKind, message: string): void {
    this.add({ level: 'note', kind, message });
  }

  /** Reads an image. With `skipBad` or `reportBad` one that cannot be used is logged and undefined; else its error is thrown. */
  async attempt<T>({ skipBad, reportBad }: DataOptions, read: () => Promise<T>): Promise<T | undefined> {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      const kind = error instanceof BadData ? error.kind : 'other';
      if (!skipBad && reportBad === undefined) throw withHint(error, kind);
      this.add({ level: 'image', kind, message: error.message });
      return undefined;
    }
  }

  /** Everything that was bad or was changed. */
  get faults(): readonly DataFault[] {
    return this.#faults;
  }

  /** Lines on what was left out and what was changed, by kind, each with the first message; '' where nothing was. */
  get text(): string {
    const lines: string[] = [];
    const kinds = (faults: readonly DataFault[]): string => {
      const counts = new Map<string, number>();
      for (const { kind } of faults) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return [...counts]
        .sort(([a, n], [b, m]) => m - n || (a < b ? -1 : 1))
        .map(([kind, n]) => `${n} ${kind}`)
        .join(', ');
    };
    for (const [level, one, many] of LEVELS) {
      const faults = this.#faults.filter((fault) => fault.level === level);
      if (faults.length === 0) continue;
      lines.push(
        `left out ${faults.length} ${faults.length === 1 ? one : many}: ${kinds(faults)}; the first: ${faults[0]!.message}`,
      );
    }
    const notes = this.#faults.filter(({ level }) => level === 'note');
    for (const kind of new Set(notes.map((note) => note.kind))) {
      const same = notes.filter((note) => note.kind === kind);
      lines.push(`noted ${same.length} ${kind}; the first: ${same[0]!.message}`);
    }
    return lines.map((line) => `${printable(line)}\n`).join('');
  }

  /** Makes sure that the report can be written, before anything is read. */
  static async check({ reportBad }: Pick<DataOptions, 'reportBad'>): Promise<void> {
    if (reportBad !== undefined) await checkOutputFile(reportBad);
  }

  /**
   * Prints the summary and writes the report. Throws DataError where something was bad and `skipBad` is not set, so that one run
   * tells everything.
   */
  async finish({ skipBad, reportBad }: DataOptions): Promise<void> {
    process.stderr.write(this.text);
    const bad = this.#faults.filter(({ level }) => level !== 'note');
    await this.#report(reportBad);
    if (bad.length > 0 && !skipBad) {
      throw new DataError(
        `${bad.length === 1 ? '1 fault' : `${bad.length} faults`} in the data, listed in ${reportBad}; mend ${bad.length === 1 ? 'it' : 'them'}, or ${LEAVE_OUT}`,
      );
    }
  }

  /** Writes everything that was bad to a JSON file. */
  write(file: string): Promise<void> {
    return this.#report(file);
  }

  /**
   * Does what needs the data set, and at the end what `finish` does. Where the data set cannot be used at all, the report is written
   * too, with the error in it.
   */
  async during<T>(options: DataOptions, use: () => Promise<T>): Promise<T> {
    try {
      return await use();
    } catch (error) {
      if (error instanceof DataError && !this.#reported) {
        process.stderr.write(this.text);
        await this.#report(options.reportBad, error.message);
      }
      throw error;
    }
  }

  /** As `finish`, for a data set of which no image is left. Throws DataError that says why. */
  async finishEmpty(options: DataOptions, data: string): Promise<never> {
    await this.finish(options);
    const lost = this.#faults.filter(({ level }) => level === 'image' || level === 'annotation');
    if (lost.length === 0) throw new DataError(`${data}: has no images; give a folder with some`);
    const what =
      lost.length === 1 ? 'its only image was left out' : `all ${lost.length} images were left out`;
    throw new DataError(`${data}: ${what}; mend the data; the first fault: ${lost[0]!.message}`);
  }

  async #report(reportBad: string | undefined, error?: string): Promise<void> {
    this.#reported = true;
    if (reportBad !== undefined) {
      const count = (of: (fault: DataFault) => string): Record<string, number> => {
        const counts = new Map<string, number>();
        for (const fault of this.#faults) counts.set(of(fault), (counts.get(of(fault)) ?? 0) + 1);
        return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
      };
      const report = {
        levels: count(({ level }) => level),
        kinds: count(({ kind }) => kind),
        ...(error === undefined ? {} : { error }),
        faults: await located(this.#faults),
      };
      await writeFileAtomic(reportBad, `${JSON.stringify(report, undefined, 2)}\n`);
    }
  }
}
