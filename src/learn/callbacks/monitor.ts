import { UsageError } from '../../errors.ts';
import type { TrainingState } from '../callback.ts';
import type { Logs } from '../history.ts';

/** Whether more is better (`max`) or less (`min`); `auto`: as the metric says, and less for losses. */
export type MonitorMode = 'auto' | 'min' | 'max';

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
