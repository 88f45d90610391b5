/**
 * The seconds that a Retry-After header asks to wait (RFC 9110, section 10.2.3): a number, or a date, which is compared with the
 * server's own clock where it says its date.
 *
 * @param value The header; undefined without one.
 * @param date The Date header of the same response.
 * @returns Undefined for what is neither; 0 for a date that has passed.
 */
export function retryAfterSeconds(value: string | undefined, date: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  // Date.parse would take a number with a sign for a year.
  const until = /^[A-Za-z]/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(until)) return undefined;
  const said = date === undefined ? Number.NaN : Date.parse(date);
  return Math.max(0, (until - (Number.isNaN(said) ? Date.now() : said)) / 1000);
}
