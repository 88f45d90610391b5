import type { Device } from '../device/device.ts';
import { BufferUsage } from '../device/usage.ts';
import type { State } from '../graph/tensor.ts';
import { byteLength, type HostArray } from '../shape.ts';

interface Held {
  readonly buffer: GPUBuffer;
  version: number;
}

/** The buffers of states on one device. A state inside a flat one shares the flat one's buffer. */
export class StateStore {
  readonly #device: Device;
  readonly #held = new Map<State, Held>();

  constructor(device: Device) {
    this.#device = device;
  }

  /** The buffer range of a state, allocated and filled at its first use. */
  bindingOf(state: State): { buffer: GPUBuffer; offset: number; size: number } {
    const size = Math.max(16, Math.ceil(byteLength(state.spec) / 16) * 16);
    if (state.home) {
      const { buffer } = this.#hold(state.home.flat);
      return { buffer, offset: state.home.offset * 4, size };
    }
    return { buffer: this.#hold(state).buffer, offset: 0, size };
  }

  #hold(state: State): Held {
    let held = this.#held.get(state);
    if (!held) {
      const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
      held = { buffer: this.#device.createBuffer(state.label, byteLength(state.spec), usage), version: -1 };
      this.#held.set(state, held);
      this.#upload(state, held);
    }
    return held;
  }

  #upload(state: State, held: Held): void {
    this.#device.write(held.buffer, state.initial);
    held.version = state.version;
  }

  /** Uploads what the host has changed since the last run. */
  flush(): void {
    for (const [state, held] of this.#held) if (held.version !== state.version) this.#upload(state, held);
  }

  /** The state's value as the device holds it. */
  read(state: State): Promise<HostArray> {
    const binding = this.bindingOf(state);
    this.flush();
    return this.#device.read(binding, state.spec);
  }

  dispose(): void {
    for (const { buffer } of this.#held.values()) buffer.destroy();
    this.#held.clear();
  }
}
