/** A field of a CSV file: in quotes where it has a comma, a quote or a line break (RFC 4180). */
const field = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);

/** A line of a CSV file, with its line break. */
export const csvLine = (fields: readonly string[]): string => `${fields.map(field).join(',')}\n`;
