import { shownValue } from '../../arguments.ts';
import { UsageError } from '../../errors.ts';
import type { TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';

/** Whether more is better (`max`) or less (`min`); `auto`: as the metric says, and less for losses. */
export type MonitorMode = 'auto' | 'min' | 'max';

/** Throws UsageError unless these are numbers of epochs, and these differences are finite and not negative. */
export function expectPatience(
  call: string,
  counts: Readonly<Record<string, number>>,
  sizes: Readonly<Record<string, number>>,
): void {
  const given = (name: string, value: unknown) => `${call}: ${name} is ${shownValue(value)}`;
  for (const [name, value] of Object.entries(counts)) {
    if ((Number.isSafeInteger(value) && value >= 0) || value === Number.POSITIVE_INFINITY) continue;
    throw new UsageError(`${given(name, value)}; give a whole number of epochs of at least 0, or Infinity`);
  }
  for (const [name, value] of Object.entries(sizes)) {
    if (Number.isFinite(value) && value >= 0) continue;
    throw new UsageError(`${given(name, value)}; give a number of at least 0`);
  }
}

/** The value of a name in the logs of an epoch. Throws UsageError for a name that is not there. */
export function monitored(call: string, logs: Logs, name: string): number {
  const value = logs[name];
  if (value !== undefined) return value;
  const hint =
    name.startsWith('val_') && !Object.keys(logs).some((one) => one.startsWith('val_'))
      ? '; give the Learner valid'
      : '';
  throw new UsageError(`${call}: monitor is ${name}, the logs have ${Object.keys(logs).join(', ')}${hint}`);
}

/** Whether a value is better than another by more than `delta`; NaN never is. */
export function isBetter(
  value: number,
  than: number | undefined,
  delta: number,
  mode: MonitorMode,
  training: TrainingState,
  name: string,
): boolean {
  if (Number.isNaN(value)) return false;
  if (than === undefined) return true;
  return (mode === 'auto' ? training.mode(name) : mode) === 'max'
    ? value > than + delta
    : value < than - delta;
}
