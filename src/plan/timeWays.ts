import type { Device } from '../device/device.ts';
import { apply, Tensor } from '../graph/tensor.ts';
import { toHalf } from '../half.ts';
import type { WayName } from '../kernels/alternatives.ts';
import { type HostArray, numel, type TensorSpec } from '../shape.ts';
import { type Choice, lower } from './lower.ts';
import { Program } from './program.ts';
import { StateStore } from './stateStore.ts';

/** Each way is measured so often, by turns, so that a disturbance of the machine or its clock hits all of them. */
const ROUNDS = 5;
/** What a measurement should take at least, and how many runs it may have: milliseconds. */
const LONG_ENOUGH = 4;
const MOST_RUNS = 32;
/** A way that took so many times as long as the fastest is not measured again. */
const HOPELESS = 1.5;

/**
 * How long each way to compute an operation takes on this device, in milliseconds, by the way's name: the least of some
 * measurements. A way that the device refuses (for its memory, say) is left out. Throws DeviceLostError.
 */
export async function timeWays(device: Device, choice: Choice): Promise<Map<WayName, number>> {
  const inputs = Object.entries(choice.specs).map(
    ([name, spec]) => [name, new Tensor(spec, { kind: 'input', name })] as const,
  );
  const results = Object.values(apply(choice.op, Object.fromEntries(inputs), choice.attrs, false));
  const states = new StateStore(device);
  const racing: { readonly name: WayName; readonly program: Program; best: number }[] = [];
  try {
    for (const { name } of choice.ways) {
      const lowered = lower(device.caps, results, [], { wayOf: () => name });
      const program = await Program.build(device, lowered, states).catch(() => undefined);
      device.check('autotune');
      if (!program) continue;
      for (const [, input] of inputs) program.write(input, someValues(input));
      // The first run of a shader takes a driver's compiler along.
      await timeRuns(device, program, 1);
      racing.push({ name, program, best: await timeRuns(device, program, 1) });
    }
    const quickest = () => Math.min(...racing.map(({ best }) => best));
    const runs = Math.max(1, Math.min(MOST_RUNS, Math.ceil(LONG_ENOUGH / quickest())));
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of racing) {
        if (way.best > HOPELESS * quickest()) continue;
        way.best = Math.min(way.best, await timeRuns(device, way.program, runs));
      }
    }
    device.check('autotune');
    return new Map(racing.map(({ name, best }) => [name, best]));
  } finally {
    for (const { program } of racing) program.dispose();
    states.dispose();
  }
}

async function timeRuns(device: Device, program: Program, runs: number): Promise<number> {
  const { queue } = device.device;
  const start = performance.now();
  for (let run = 0; run < runs; run++) program.run();
  await queue.onSubmittedWorkDone();
  return (performance.now() - start) / runs;
}

/** Numbers of the usual size: zeros would take a GPU less power, and so less time. The same few, over and over. */
function someValues({ shape, dtype }: TensorSpec): HostArray {
  const size = numel(shape);
  if (dtype === 'i32') return new Int32Array(size);
  if (dtype === 'u32') return new Uint32Array(size);
  const pattern = Float32Array.from(
    { length: Math.min(size, 8191) },
    (_, i) => ((i * 7919) % 8191) / 8191 - 0.5,
  );
  const values = dtype === 'f16' ? new Uint16Array(size) : new Float32Array(size);
  const some = dtype === 'f16' ? toHalf(pattern) : pattern;
  for (let at = 0; at < size; at += some.length) values.set(some.subarray(0, size - at), at);
  return values;
}
