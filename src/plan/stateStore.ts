import type { Device } from '../device/device.ts';
import { BufferUsage } from '../device/usage.ts';
import type { State } from '../graph/state.ts';
import { byteLength, type HostArray } from '../shape.ts';

/** Elements that are uploaded without a rest: some 2 ms. */
const PART = 1 << 20;

/**
 * Bytes above which a buffer is cleared on the device before it is written in parts. Otherwise Dawn clears it at the first
 * part, on this thread where the memory is the CPU's: some 5 ms per MiB.
 */
const CLEARED_AT_ONCE = 8 << 20;

/** A state's buffer. It must not refer to states, or none would ever be collected. */
interface Held {
  readonly buffer: GPUBuffer;
  /** What the host had put into the state, and into the members of a flat one, when it was uploaded; -1 before. */
  version: number;
  readonly memberVersions: WeakMap<State, number>;
  /** Whether a program has changed it since it was uploaded. */
  changed: boolean;
}

/**
 * The buffers of states on one device. A state inside a flat one shares the flat one's buffer. A buffer goes when
 * nothing refers to its state any more: the device alone knows its value, so not a moment before.
 */
export class StateStore {
  readonly #device: Device;
  #held = new WeakMap<State, Held>();
  readonly #live = new Set<Held>();
  #revision = 0;
  readonly #collected = new FinalizationRegistry((held: Held) => this.#drop(held));

  constructor(device: Device) {
    this.#device = device;
  }

  /** Another number whenever the value of any state may be another one. */
  get revision(): number {
    return this.#revision;
  }

  /** Says that a program has changed states. */
  changed(states: Iterable<State>): void {
    this.#revision++;
    for (const state of states) this.#hold(state.home?.flat ?? state).changed = true;
  }

  /** Whether a program has changed a state since it was uploaded. */
  holds(state: State): boolean {
    const base = state.home?.flat ?? state;
    const held = this.#held.get(base);
    return held?.changed === true && held.version === base.version;
  }

  /** The buffer range of a state, allocated at its first use; `prepare` or `flush` fill it. */
  bindingOf(state: State): { buffer: GPUBuffer; offset: number; size: number } {
    const size = Math.max(16, Math.ceil(byteLength(state.spec) / 16) * 16);
    if (state.home) {
      const { buffer } = this.#hold(state.home.flat);
      return { buffer, offset: state.home.offset * 4, size };
    }
    return { buffer: this.#hold(state).buffer, offset: 0, size };
  }

  /** Makes and fills the buffer of a state, with rests on the way. */
  *prepare(state: State): Generator<void, void> {
    const base = state.home?.flat ?? state;
    const held = this.#hold(base);
    if (held.version >= 0) return;
    const version = base.version;
    for (const piece of base.pieces) {
      yield* piece.draw();
      const of = piece.version;
      for (let at = 0; at < piece.initial.length; at += PART) {
        // Where another program has run in the meantime, it has filled it, and may have changed it since.
        if (held.version >= 0) return;
        this.#write(held, base, piece, at, at + PART);
        yield;
      }
      held.memberVersions.set(piece, of);
    }
    if (held.version >= 0) return;
    held.version = version;
    for (const member of base.members) this.#adopt(member, held.buffer);
  }

  #hold(state: State): Held {
    const known = this.#held.get(state);
    if (known) return known;
    const usage = BufferUsage.STORAGE | BufferUsage.COPY_SRC | BufferUsage.COPY_DST;
    const bytes = byteLength(state.spec);
    const doing = `state "${state.label}" of ${bytes} bytes`;
    const { result, report } = this.#device.attempt(() => {
      const buffer = this.#device.createBuffer(doing, bytes, usage);
      if (bytes > CLEARED_AT_ONCE) {
        const encoder = this.#device.device.createCommandEncoder({ label: 'fovea clear' });
        encoder.clearBuffer(buffer);
        this.#device.submit(encoder);
      }
      return { buffer, version: -1, memberVersions: new WeakMap(), changed: false } satisfies Held;
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
      this.#revision++;
      const encoder = this.#device.device.createCommandEncoder({ label: 'fovea move' });
      const bytes = Math.ceil(byteLength(member.spec) / 4) * 4;
      encoder.copyBufferToBuffer(own.buffer, 0, flat, member.home!.offset * 4, bytes);
      this.#device.submit(encoder);
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

  /** Puts elements of a piece into the buffer that it is a piece of. */
  #write(held: Held, base: State, piece: State, start = 0, end?: number): void {
    this.#revision++;
    const from = piece === base ? 0 : piece.home!.offset;
    const offset = byteLength({ shape: [from + start], dtype: base.spec.dtype });
    this.#device.write(held.buffer, piece.initial.subarray(start, end), offset);
  }

  #upload(base: State, held: Held): void {
    for (const piece of base.pieces) this.#write(held, base, piece);
    held.version = base.version;
    held.changed = false;
    for (const member of base.members) held.memberVersions.set(member, member.version);
  }

  /** Uploads what the host has changed in a state since the last run: a member of a flat one by itself. */
  flush(state: State): void {
    const base = state.home?.flat ?? state;
    const held = this.#held.get(base);
    if (!held) return;
    const isNew = held.version < 0;
    if (held.version !== base.version) this.#upload(base, held);
    if (isNew) for (const member of base.members) this.#adopt(member, held.buffer);
    for (const member of base.members) {
      if (held.memberVersions.get(member) === member.version) continue;
      this.#write(held, base, member);
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
