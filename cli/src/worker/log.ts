export type Level = 'info' | 'warn' | 'error';

/** Writes a line of the worker's log, as JSON. */
export function log(level: Level, event: string, more: Readonly<Record<string, unknown>> = {}): void {
  process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), level, event, ...more })}\n`);
}
