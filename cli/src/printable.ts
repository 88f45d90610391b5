/**
 * What a terminal, a log or a reader must not be given: control characters (C0, DEL, C1 with its one-byte CSI U+009B), line and
 * paragraph separators, marks that change the direction of text, and halves of surrogate pairs.
 */
const UNSAFE =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
};

const escaped = (char: string): string =>
  SHORT[char] ?? `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/**
 * Escapes what must not reach a terminal, a log or a report from a label, a file name or a file: control characters and marks
 * that turn the direction of text. As JSON.stringify does it (`\n`, `\u001b`), but without quotes, and backslashes stay.
 *
 * @param text One label, file name or message; line breaks are escaped, too.
 */
export const printable = (text: string): string => text.replace(UNSAFE, escaped);

/** The same for a text of several lines, whose breaks stay. */
export const printableLines = (text: string): string =>
  text.replace(UNSAFE, (char) => (char === '\n' ? char : escaped(char)));
