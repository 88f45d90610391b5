import { vi } from 'vitest';
import type { Gpu } from '../../src/plan/gpu.ts';
import { sharedGpu } from '../sharedGpu.ts';
import type { Ended } from './run.ts';

// Commands open their device by this module. It is replaced before they are loaded, which a command is when it is called.
vi.doMock('../../cli/src/gpu.ts', async (original) => ({
  ...(await original<typeof import('../../cli/src/gpu.ts')>()),
  withGpu: async (_adapter: string | undefined, run: (gpu: Gpu) => Promise<unknown>) => {
    const gpu = await sharedGpu();
    try {
      return await run(gpu);
    } finally {
      gpu.dispose();
    }
  },
}));

/**
 * Runs `fovea …` in this process, on a device that all calls share: most of the time of a small command on a software adapter goes
 * into compiling shaders, and these are compiled once. For tests of what commands do. Those of how a process begins and
 * ends, of signals and of pipes start one (run.ts).
 */
export async function foveaHere(...args: string[]): Promise<Ended> {
  const { runMain } = await import('../../cli/src/errors.ts');
  const { program } = await import('../../cli/src/program.ts');
  const said = { stdout: '', stderr: '' };
  const spies = (['stdout', 'stderr'] as const).map((name) =>
    vi.spyOn(process[name], 'write').mockImplementation((chunk, ...rest: unknown[]) => {
      said[name] += typeof chunk === 'string' ? chunk : new TextDecoder().decode(chunk);
      const written = rest.at(-1);
      if (typeof written === 'function') written();
      return true;
    }),
  );
  let code = 0;
  const before = process.exitCode;
  process.exitCode = undefined;
  try {
    await runMain(() => program.parseAsync(args, { from: 'user' }), {
      // Not the process's own, which is watched to the end of the process.
      stderr: { write: (text) => process.stderr.write(text) },
      exit: (given) => (code = given),
    });
    return { code: code || Number(process.exitCode ?? 0), signal: null, ...said };
  } finally {
    process.exitCode = before;
    for (const spy of spies) spy.mockRestore();
  }
}
