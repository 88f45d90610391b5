import type { Device } from '../device/device.ts';
import { recordOperation, Tensor } from '../graph/tensor.ts';
import { toHalf } from '../half.ts';
import type { StrategyName } from '../kernels/strategy.ts';
import { type HostArray, numel, type TensorSpec } from '../shape.ts';
import { type Choice, lower } from './lower.ts';
import { Program } from './program.ts';
import type { StateStore } from './stateStore.ts';

/** Each strategy is measured so often, by turns, so that a disturbance of the machine or its clock hits all of them. */
const ROUNDS = 5;
/** What a measurement should take at least, and how many runs it may have: milliseconds. */
const LONG_ENOUGH = 4;
const MOST_RUNS = 1000;
/** Dispatches of a measurement, at most: encoding one takes some microseconds. */
const MOST_DISPATCHES = 2000;
/** A strategy that took so many times as long as the fastest is not measured again. */
const HOPELESS = 3;
/** Only what is faster than the static guess by this much is taken instead: less may be noise of the measurement. */
const WORTH = 0.95;

/** What was measured of the strategies for an operation. */
export interface Timing {
  /** The strategy to take: the static guess, unless another is clearly faster. */
  readonly strategy: StrategyName;
  /** The strategy that costs the least by estimate. */
  readonly guess: StrategyName;
  /** Milliseconds by strategy: the least of some measurements. */
  readonly ms: Readonly<Partial<Record<StrategyName, number>>>;
}

/**
 * Times each strategy for an operation on this device. One that the device refuses (for its memory, say) is left out.
 * `states` is disposed of. Throws DeviceLostError.
 */
export async function timeStrategies(device: Device, states: StateStore, choice: Choice): Promise<Timing> {
  // Fixed weights are constants here too, so that what is computed of them alone is computed once.
  const isFixed = (name: string) => name === 'weight' && choice.purpose.fixedWeights;
  const inputs = Object.entries(choice.specs).map(([name, spec]): [string, Tensor] => [
    name,
    new Tensor(spec, isFixed(name) ? { kind: 'constant', data: someValues(spec) } : { kind: 'input', name }),
  ]);
  const results = Object.values(
    recordOperation(choice.operation, Object.fromEntries(inputs), choice.attrs, false),
  );
  const racing: Racer[] = [];
  const programs: Program[] = [];
  try {
    const built = await Promise.all(
      choice.candidates.map(async ({ name }) => {
        const lowered = lower(device.caps, results, [], { strategyOf: () => name });
        const program = await Program.build(device, lowered, states).catch(() => undefined);
        if (program) programs.push(program);
        return program ? [{ name, program }] : [];
      }),
    );
    device.check('autotune');
    for (const { name, program } of built.flat()) {
      for (const [, input] of inputs) {
        if (input.origin.kind === 'input') program.write(input, someValues(input));
      }
      // The first run of a shader takes a driver's compiler along.
      await timeRuns(device, program, 1);
      racing.push({ name, program, best: await timeRuns(device, program, 1) });
    }
    const runs = await enoughRuns(device, quickest(racing));
    await race(device, racing, runs);
    const guess = choice.guess.name;
    const guessed = racing.find(({ name }) => name === guess);
    let best = quickest(racing) ?? guessed;
    if (guessed && best !== guessed) {
      // Once more, the two alone: a change is only for what is faster whenever it is measured.
      const again = [guessed, best!].map((racer) => ({ ...racer, best: Number.POSITIVE_INFINITY }));
      await race(device, again, runs);
      const faster = [[guessed, best!] as const, again].every(([a, b]) => b!.best < WORTH * a!.best);
      if (!faster) best = guessed;
    }
    device.check('autotune');
    const ms = Object.fromEntries(racing.map(({ name, best: time }) => [name, time]));
    return { strategy: best?.name ?? guess, guess, ms };
  } finally {
    for (const program of programs) program.dispose();
    states.dispose();
  }
}

interface Racer {
  readonly name: StrategyName;
  readonly program: Program;
  best: number;
}

const quickest = (racing: readonly Racer[]): Racer | undefined =>
  racing.reduce<Racer | undefined>((a, b) => (a && a.best <= b.best ? a : b), undefined);

async function race(device: Device, racing: readonly Racer[], runs: number): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    for (const racer of racing) {
      const { best } = racer;
      if (Number.isFinite(best) && best > HOPELESS * quickest(racing)!.best) continue;
      racer.best = Math.min(best, await timeRuns(device, racer.program, runs));
    }
  }
}

/** How many runs take long enough to be measured. Of one run a submission may take more time than the run itself. */
async function enoughRuns(device: Device, racer: Racer | undefined): Promise<number> {
  let runs = 1;
  for (let taken = racer?.best ?? LONG_ENOUGH; taken < LONG_ENOUGH && runs < MOST_RUNS; ) {
    runs = Math.min(MOST_RUNS, Math.ceil(runs * Math.max(2, Math.min(16, LONG_ENOUGH / taken))));
    taken = runs * (await timeRuns(device, racer!.program, runs));
  }
  return runs;
}

/**
 * Milliseconds of a run: of so many in one pass, from when they are submitted, so that encoding them is not measured, and
 * what a submission takes is shared by all.
 */
async function timeRuns(device: Device, program: Program, wanted: number): Promise<number> {
  const runs = Math.max(1, Math.min(wanted, Math.floor(MOST_DISPATCHES / program.stats.dispatches)));
  const start = device.watch('autotune', () => {
    const encoder = program.encode(runs);
    const begin = performance.now();
    device.submit(encoder);
    return begin;
  });
  await device.device.queue.onSubmittedWorkDone();
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
