import type { Callback } from '../callback.ts';

/**
 * Ends a training whose losses or gradients are no longer finite, instead of an error (Keras's TerminateOnNaN). With validation, the weights of
 * the best epoch are restored; without, they are not finite.
 */
export class TerminateOnNaN implements Callback {
  onNaN(): 'stop' {
    return 'stop';
  }
}
