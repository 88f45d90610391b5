import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { parseCsv } from 'fovea/data';
import { fileProblem, readWhole } from '../files.ts';

/** A URL to fetch, as the list has it. */
export interface ListRow {
  /** Its place in the list, from 0. Blank lines and comments do not count. */
  readonly index: number;
  readonly url: string;
  /** The other columns, in the order of `UrlList.columns`. */
  readonly fields: readonly string[];
}

/** A list of URLs. */
export interface UrlList {
  readonly file: string;
  /** The columns besides that of the URLs: caption, licence, source … */
  readonly columns: readonly string[];
  readonly rows: readonly ListRow[];
}

/** What the column of URLs is called, in the order in which it is looked for. Case, blanks, hyphens and underscores make no difference. */
const URL_COLUMNS = ['url', 'imageurl', 'imgurl', 'link'];

const plain = (name: string): string => name.toLowerCase().replace(/[\s_-]/g, '');

/**
 * Reads a list of URLs: a CSV or TSV file (by its extension) with a header, or a text file with a URL on each line, in which blank lines
 * and lines that begin with # are passed over.
 *
 * @param file The list.
 * @param urlColumn The column of URLs in a table. Default: url, image_url, img_url or link.
 * @throws DataError where it cannot be read, has no URL, or a row has more fields than the header; UsageError for a column that is
 * not there.
 */
export async function readList(file: string, urlColumn?: string): Promise<UrlList> {
  const bytes = await readWhole(file).catch((error) => {
    if (/^https?:\/\//i.test(file)) {
      throw new UsageError(`${file}: is a URL, not a list; write it into a text file, a URL on each line`);
    }
    throw new DataError(`${file}: cannot be read (${fileProblem(error)}); check the path`, { cause: error });
  });
  // The decoder leaves out a byte order mark.
  const text = new TextDecoder().decode(bytes);
  const table = ['.csv', '.tsv'].includes(path.extname(file).toLowerCase());
  if (!table && urlColumn !== undefined) {
    throw new UsageError(
      `${file}: is no table with columns; leave out --url-column, or give a .csv or .tsv file`,
    );
  }
  const list = table ? tableOf(file, text, urlColumn) : linesOf(file, text);
  if (list.rows.length === 0) throw new DataError(`${file}: there is no URL in it; give one on each line`);
  return list;
}

function linesOf(file: string, text: string): UrlList {
  const urls = text
    .split(/\r\n|\r|\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'));
  return { file, columns: [], rows: urls.map((url, index) => ({ index, url, fields: [] })) };
}

function tableOf(file: string, text: string, urlColumn: string | undefined): UrlList {
  const [header, ...rows] = parseCsv(text, file);
  const names = (header?.fields ?? []).map((name) => name.trim());
  const known = urlColumn === undefined ? URL_COLUMNS : [plain(urlColumn)];
  const at = known.map((name) => names.findIndex((one) => plain(one) === name)).find((place) => place >= 0);
  if (at === undefined) {
    const found = names.length === 0 ? 'it is empty' : `its columns are ${names.join(', ')}`;
    throw new UsageError(
      `${file}: has no column ${urlColumn ?? 'url'} (${found}); name the column of the URLs (--url-column)`,
    );
  }
  const others = names.map((_, i) => i).filter((i) => i !== at);
  return {
    file,
    columns: others.map((i) => names[i]!),
    rows: rows.map(({ line, fields }, index) => {
      if (fields.length > names.length) {
        throw new DataError(
          `${file}: line ${line} has ${fields.length} fields, the header ${names.length}; put fields with commas in quotes`,
        );
      }
      return { index, url: (fields[at] ?? '').trim(), fields: others.map((i) => fields[i] ?? '') };
    }),
  };
}
