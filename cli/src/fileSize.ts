const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const;

/** A number of bytes for people, with three digits: `1 byte`, `512 bytes`, `20.4 kB`, `1.23 GB`; a kB has 1000 bytes. */
export function fileSize(bytes: number): string {
  if (bytes === 1) return '1 byte';
  let unit = 0;
  let value = bytes;
  // 999.5 kB would be rounded to 1000 kB.
  for (; value >= (unit === 0 ? 1000 : 999.5) && unit < UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${UNITS[unit]}`;
}
