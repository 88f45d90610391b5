import { expectArguments } from '../../arguments.ts';
import { BadData } from '../faults.ts';

/** A row of a CSV file. */
export interface CsvRow {
  /** Its first line in the file, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

const SEPARATORS = [',', ';', '\t'] as const;

/** What is between the fields: of comma, semicolon and tab the one that the first line has most often. */
function separatorOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const first = end < 0 ? text : text.slice(0, end);
  const count = (separator: string) => first.split(separator).length;
  return SEPARATORS.reduce((best, one) => (count(one) > count(best) ? one : best));
}

/**
 * Reads CSV by RFC 4180: quoted fields may have separators, line breaks and doubled quotes in them. Also semicolons or tabs between the fields,
 * and any line ends. Empty lines are passed over.
 *
 * @param text The file.
 * @param file Its name, for messages.
 * @throws DataError for a quote that is not closed, and text after a closing quote.
 */
export function parseCsv(text: string, file: string): CsvRow[] {
  expectArguments('parseCsv', { text, file }, { text: 'text', file: 'text' });
  const separator = separatorOf(text);
  const rows: CsvRow[] = [];
  let [at, line] = [0, 1];
  while (at < text.length) {
    const first = line;
    const fields: string[] = [];
    for (let more = true; more; ) {
      let field: string;
      if (text[at] === '"') {
        field = '';
        const opened = line;
        for (at++; ; ) {
          const end = text.indexOf('"', at);
          if (end < 0) {
            throw new BadData('structure', `${file}: line ${opened}: a quote is not closed; close it`);
          }
          field += text.slice(at, end);
          at = end + 1;
          if (text[at] !== '"') break;
          field += '"';
          at++;
        }
        line += field.split(/\r\n|\r|\n/).length - 1;
        if (at < text.length && text[at] !== separator && !/[\r\n]/.test(text[at]!)) {
          throw new BadData(
            'structure',
            `${file}: line ${line}: there is text after a closing quote; double the quotes in a field`,
          );
        }
      } else {
        const start = at;
        while (at < text.length && text[at] !== separator && text[at] !== '\n' && text[at] !== '\r') at++;
        field = text.slice(start, at);
      }
      fields.push(field);
      more = text[at] === separator;
      if (more) at++;
    }
    if (text.startsWith('\r\n', at)) at++;
    at++;
    line++;
    if (fields.length > 1 || fields[0]!.trim() !== '') rows.push({ line: first, fields });
  }
  return rows;
}
