import { expectOptions } from '../../options.ts';
import type { Callback } from '../callback.ts';
import { HOOKS } from '../expectCallbacks.ts';

/** A callback of single functions (Keras's LambdaCallback): `new LambdaCallback({ onEpochEnd: (training, logs) => … })`. */
export class LambdaCallback implements Callback {
  /** @param hooks Any of the hooks. Throws UsageError for a name that is none. */
  constructor(hooks: Callback) {
    expectOptions('LambdaCallback', hooks, [...HOOKS, 'state', 'loadState']);
    Object.assign(this, hooks);
  }
}
