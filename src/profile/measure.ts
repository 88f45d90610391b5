import type { Device } from '../device/device.ts';
import { baseOf, type Tensor } from '../graph/tensor.ts';
import type { Program } from '../plan/program.ts';
import type { Recorded } from '../plan/step.ts';
import { PassTimer } from './timer.ts';

/** A program is timed so often, or for so many seconds, whichever comes first, but a few times in any case: something else may disturb one. */
const RUNS = 10;
const FEWEST = 3;
const SECONDS = 2;

/** Times a program: whole runs, and each dispatch where the device has timestamps. */
export async function measureProgram(
  device: Device,
  program: Program,
  { placeholders, recording }: Recorded,
  inputs: readonly Tensor[],
): Promise<{ readonly wall: number; readonly seconds: readonly number[] | undefined }> {
  placeholders.forEach((placeholder, i) => {
    const { origin } = baseOf(inputs[i]!);
    if (origin.kind === 'constant') program.write(placeholder, origin.data);
  });
  const run = async (): Promise<number> => {
    for (const update of recording.beforeRun) update();
    const begin = performance.now();
    program.run();
    await device.device.queue.onSubmittedWorkDone();
    return (performance.now() - begin) / 1000;
  };
  // The first run fills memory, and drivers compile some kernels in it.
  await run();
  let [wall, runs, total] = [Number.POSITIVE_INFINITY, 0, 0];
  while (runs < FEWEST || (runs < RUNS && total < SECONDS)) {
    const seconds = await run();
    wall = Math.min(wall, seconds);
    total += seconds;
    runs++;
  }
  await device.settled();
  device.check('profile');
  if (!PassTimer.supports(device)) return { wall, seconds: undefined };
  const timer = new PassTimer(device);
  try {
    const passes = program.commands.map(
      ({ pipeline, group, workgroups }) =>
        (pass: GPUComputePassEncoder) => {
          pass.setPipeline(pipeline);
          pass.setBindGroup(0, group);
          pass.dispatchWorkgroups(...workgroups);
        },
    );
    let best: number[] | undefined;
    for (let i = 0; i < runs; i++) {
      const seconds = await timer.time(passes);
      best = best ? best.map((before, k) => Math.min(before, seconds[k]!)) : seconds;
    }
    await device.settled();
    device.check('profile');
    return { wall, seconds: best };
  } finally {
    timer.dispose();
  }
}
