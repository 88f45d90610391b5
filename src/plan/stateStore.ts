import type { Device } from '../device/device.ts';
import { BufferUsage } from '../device/usage.ts';
import type { State } from '../graph/tensor.ts';
import { byteLength, type HostArray } from '../shape.ts';

/** A state's buffer. It must not refer to states, or none would ever be collected. */
interface Held {
  readonly buffer: GPUBuffer;
  /** What the host had put into the state, and into the members of a flat one, when it was uploaded. */
  version: number;
  readonly memberVersions: WeakMap<State, number>;
}

/**
 * The buffers of states on one device. A state inside a flat one shares the flat one's buffer. A buffer goes when
 * nothing refers to its state any more: the device alone knows its value, so not a moment before.
 */
export class StateStore {
  readonly #device: Device;
  #held = new WeakMap<State, Held>();
  readonly #live = new Set<Held>();
  readonly #collected = new FinalizationRegistry((held: Held) => this.#drop(held));

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
    const known = this.#held.get(state);
    if (known) return known;
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const bytes = byteLength(state.spec);
    const doing = `state "${state.label}" of ${bytes} bytes`;
    const { result, report } = this.#device.attempt(() => {
      const buffer = this.#device.createBuffer(doing, bytes, usage);
      const held: Held = { buffer, version: -1, memberVersions: new WeakMap() };
      this.#upload(state, held);
      for (const member of state.members) this.#adopt(member, buffer);
      return held;
    });
    this.#device.keep(doing, report);
    this.#held.set(state, result);
    this.#live.add(result);
    this.#collected.register(state, result, result);
    // One that was refused is asked for again the next time.
    report.then((error) => {
      if (error) this.#forget(state);
    });
    return result;
  }

  /** Takes over what a member held before it moved into the flat state, where the host has not set it since. */
  #adopt(member: State, flat: GPUBuffer): void {
    const own = this.#held.get(member);
    if (!own) return;
    if (own.version === member.version) {
      const encoder = this.#device.device.createCommandEncoder({ label: 'fovea move' });
      const bytes = Math.ceil(byteLength(member.spec) / 4) * 4;
      encoder.copyBufferToBuffer(own.buffer, 0, flat, member.home!.offset * 4, bytes);
      this.#device.device.queue.submit([encoder.finish()]);
    }
    this.#forget(member);
  }

  #forget(state: State): void {
    const held = this.#held.get(state);
    if (!held) return;
    this.#held.delete(state);
    this.#collected.unregister(held);
    this.#drop(held);
  }

  #drop(held: Held): void {
    held.buffer.destroy();
    this.#live.delete(held);
  }

  #upload(state: State, held: Held): void {
    this.#device.write(held.buffer, state.initial);
    held.version = state.version;
    for (const member of state.members) held.memberVersions.set(member, member.version);
  }

  /** Uploads what the host has changed in a state since the last run: a member of a flat one by itself. */
  flush(state: State): void {
    const base = state.home?.flat ?? state;
    const held = this.#held.get(base);
    if (!held) return;
    if (held.version !== base.version) this.#upload(base, held);
    for (const member of base.members) {
      if (held.memberVersions.get(member) === member.version) continue;
      this.#device.write(held.buffer, member.initial, member.home!.offset * 4);
      held.memberVersions.set(member, member.version);
    }
  }

  /** The state's value as the device holds it. */
  async read(state: State): Promise<HostArray> {
    const doing = `download of "${state.label}"`;
    this.#device.check(doing);
    const binding = this.#device.watch(doing, () => {
      const range = this.bindingOf(state);
      this.flush(state);
      return range;
    });
    return this.#device.read(binding, state.spec, doing);
  }

  dispose(): void {
    for (const held of this.#live) held.buffer.destroy();
    this.#live.clear();
    this.#held = new WeakMap();
  }
}
