import { decodeBase64, encodeBase64 } from '../../base64.ts';
import { decodeSafetensors, encodeSafetensors } from '../../io/safetensors.ts';
import type { TrainingState } from '../callback.ts';

/** Weights that a callback keeps, and that its state has as text. */
export class KeptWeights {
  #weights: Awaited<ReturnType<TrainingState['weights']>> | undefined;

  get isEmpty(): boolean {
    return this.#weights === undefined;
  }

  clear(): void {
    this.#weights = undefined;
  }

  async keep(training: TrainingState): Promise<void> {
    this.#weights = await training.weights();
  }

  restore(training: TrainingState): void {
    if (this.#weights) training.loadWeights(this.#weights);
  }

  /** The file of weights in base64; null without any. */
  get state(): string | null {
    return this.#weights ? encodeBase64(encodeSafetensors(this.#weights)) : null;
  }

  loadState(state: string | null): void {
    this.clear();
    if (state === null) return;
    const { tensors } = decodeSafetensors(decodeBase64(state), 'the state of a callback');
    this.#weights = new Map(
      [...tensors].map(([name, { shape, data }]) => [
        name,
        { dtype: 'f32', shape, data: Float32Array.from(data) },
      ]),
    );
  }
}
