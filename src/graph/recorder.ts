import { FoveaError, ShapeError, UsageError } from '../errors.ts';
import { formatShape, sameShape } from '../shape.ts';
import { permute } from './operations/shape.ts';
import { State } from './state.ts';
import { baseOf, expectTensors, recordOperation, type Tensor } from './tensor.ts';

/** A change of state at the end of a run: the state takes the tensor's value. */
export interface Effect {
  readonly state: State;
  readonly value: Tensor;
}

/** What a function under capture does besides computing its result. */
export interface Recording {
  readonly effects: Effect[];
  /** Tensors whose `.grad` was set, and what it was before: a capture's gradients are graph of that capture. */
  readonly grads: Map<Tensor, Tensor | undefined>;
  /** Called on the host before each run. */
  readonly beforeRun: (() => void)[];
  /** What was read of the host by `heed`, by owner: the recording holds as long as each reads the same. */
  readonly readings: Map<object, Reading>;
}

interface Reading {
  readonly read: () => unknown;
  readonly value: unknown;
}

let current: Recording | undefined;

/**
 * Runs fn while assignments are recorded. Recordings do not nest. Afterwards every `.grad` is as it was before, also
 * where fn throws.
 */
export function record<R>(fn: () => R): { result: R; recording: Recording } {
  if (current)
    throw new FoveaError(
      'inside a captured function nothing is computed yet, so neither data() nor another capture can begin; return the tensor instead',
    );
  const recording: Recording = { effects: [], grads: new Map(), beforeRun: [], readings: new Map() };
  current = recording;
  try {
    return { result: fn(), recording };
  } finally {
    current = undefined;
    for (const [tensor, before] of recording.grads) tensor.grad = before;
  }
}

/**
 * Reads a setting of the host, of which an owner has one: a recording is for the value that it had before the recorded function
 * changed it itself.
 */
export function heed<T>(owner: object, read: () => T): T {
  const value = read();
  if (current && !current.readings.has(owner)) current.readings.set(owner, { read, value });
  return value;
}

/** Sets the gradient of a tensor, for as long as the recording lasts. */
export function setGrad(tensor: Tensor, value: Tensor): void {
  if (current && !current.grads.has(tensor)) current.grads.set(tensor, tensor.grad);
  tensor.grad = value;
}

/** What a tensor holds at this point of the program. */
export const copied = (x: Tensor): Tensor =>
  recordOperation(permute, { x }, { dims: x.shape.map((_, i) => i) }, false).y!;

/** state := value, when the run ends; the last assignment counts. Only inside `Gpu.capture` and `Gpu.run`. */
export function assign(state: State, value: Tensor): void {
  if (!(state instanceof State))
    throw new UsageError(`assign: ${String(state)} is no State; pass parameter.state`);
  expectTensors('assign', { value });
  if (!current) {
    throw new FoveaError(`${state.label}: state changes only inside gpu.capture(…) or gpu.run(…)`);
  }
  if (!sameShape(state.spec.shape, value.shape)) {
    throw new ShapeError(
      `${state.label}: ${formatShape(value.shape)} assigned to ${formatShape(state.spec.shape)}`,
    );
  }
  const { origin } = baseOf(value);
  const other = origin.kind === 'state' && origin.state !== state;
  // States are written one after another when the run ends; what one of them holds is taken as it is here.
  const effect = { state, value: other ? copied(value) : value };
  const earlier = current.effects.findIndex((candidate) => candidate.state === state);
  if (earlier >= 0) current.effects[earlier] = effect;
  else current.effects.push(effect);
}

/** Calls fn on the host before each run of what is being recorded: to set a state that follows from the run's number. */
export function onRun(fn: () => void): void {
  if (!current) throw new FoveaError('onRun: nothing is being recorded; call it inside gpu.capture(…)');
  current.beforeRun.push(fn);
}

/** What this recording has assigned to a state so far. */
export const assignedTo = (state: State): Tensor | undefined =>
  current?.effects.find((effect) => effect.state === state)?.value;

/** Whether assignments are being recorded. */
export const isRecording = (): boolean => current !== undefined;
