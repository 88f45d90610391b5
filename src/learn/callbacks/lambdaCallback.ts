import { expectOptions } from '../../options.ts';
import type { Callback } from '../callback.ts';

/** A callback of single functions (Keras's LambdaCallback): `new LambdaCallback({ onEpochEnd: (training, logs) => … })`. */
export class LambdaCallback implements Callback {
  /** @param hooks Any of the hooks. Throws UsageError for a name that is none. */
  constructor(hooks: Callback) {
    expectOptions('LambdaCallback', hooks, [
      'onTrainBegin',
      'onEpochBegin',
      'onBatchBegin',
      'onBatchEnd',
      'onEpochEnd',
      'onTrainEnd',
      'onNaN',
      'state',
      'loadState',
    ]);
    Object.assign(this, hooks);
  }
}
