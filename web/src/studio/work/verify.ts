/** A worker that checks operations on the GPU, so that the page goes on answering. */
import { DeviceLostError, FoveaError } from '../../../../src/errors.ts';
import type { OpName } from '../../../../src/kernels/ops.ts';
import { didYouMean } from '../../../../src/options.ts';
import { type Gpu, openGpu } from '../../../../src/plan/gpu.ts';
import { cases } from '../../../../src/verify/cases/index.ts';
import { type ConformanceFile, verifyConformance } from '../../../../src/verify/conformance.ts';
import type { Row, VerifyOptions } from '../../../../src/verify/rows.ts';
import { verifyAll, verifyOperation } from '../../../../src/verify/verify.ts';
import { describeError } from '../../page.ts';

export type Dtype = 'f32' | 'f16';

export type VerifyRequest =
  | {
      readonly type: 'run';
      readonly dtype: Dtype;
      /** Conformance cases; else those of the table. */
      readonly files?: readonly ConformanceFile[];
      /** Of the table, these operations alone. */
      readonly operations?: readonly string[];
    }
  | { readonly type: 'stop' };

/** The device that computes, for the report. */
export type DeviceFacts = Pick<Gpu['device'], 'adapter' | 'caps'> & { readonly features: readonly string[] };

export type VerifyReply =
  /** At the start: how many cases each operation has. */
  | { readonly type: 'table'; readonly counts: Readonly<Record<string, number>> }
  | { readonly type: 'opened'; readonly device: DeviceFacts }
  | { readonly type: 'row'; readonly row: Row }
  /** The end of a run; `lost`: why the device is gone; `error`: what else has ended it. */
  | { readonly type: 'end'; readonly complete: boolean; readonly lost?: string; readonly error?: string };

class Stopped extends Error {}

const reply = (message: VerifyReply): void => postMessage(message);

const counts: Record<string, number> = {};
for (const { op } of cases) counts[op] = (counts[op] ?? 0) + 1;

let stopAsked = false;
let opened: { readonly gpu: Gpu; lost?: string } | undefined;

/** The device of earlier runs, with what is compiled for it; a new one after that was lost. */
async function device(): Promise<{ readonly gpu: Gpu; lost?: string }> {
  if (opened && opened.lost === undefined) return opened;
  const made: { readonly gpu: Gpu; lost?: string } = { gpu: await openGpu() };
  made.gpu.device.device.lost.then(({ message }) => {
    made.lost = message.trim();
  });
  opened = made;
  return made;
}

async function verifyTable(gpu: Gpu, operations: readonly string[] | undefined, options: VerifyOptions) {
  if (!operations) return void (await verifyAll(gpu, options));
  const unknown = operations.find((op) => !cases.some((row) => row.op === op));
  if (unknown !== undefined) {
    const hint = didYouMean(unknown, Object.keys(counts)) || '; the list has all';
    throw new FoveaError(`no operation is called ${unknown}${hint}`);
  }
  for (const op of operations) await verifyOperation(gpu, op as OpName, options);
}

async function run({ dtype, files, operations }: VerifyRequest & { type: 'run' }): Promise<void> {
  stopAsked = false;
  let held: { lost?: string } | undefined;
  try {
    const now = await device();
    held = now;
    const { adapter, caps, device: own } = now.gpu.device;
    reply({ type: 'opened', device: { adapter, caps, features: [...own.features].sort() } });
    const options: VerifyOptions = {
      dtype,
      onRow: (row) => {
        reply({ type: 'row', row });
        // What onRow throws ends the run; without a device every case to come would only fail.
        if (now.lost !== undefined) throw new DeviceLostError(now.lost);
        if (stopAsked) throw new Stopped();
      },
    };
    if (files) await verifyConformance(now.gpu, files, options);
    else await verifyTable(now.gpu, operations, options);
    reply({ type: 'end', complete: true });
  } catch (error) {
    if (error instanceof Stopped) reply({ type: 'end', complete: false });
    else if (error instanceof DeviceLostError) {
      reply({ type: 'end', complete: false, lost: held?.lost ?? describeError(error) });
    } else reply({ type: 'end', complete: false, error: describeError(error) });
  }
}

addEventListener('message', ({ data }: MessageEvent<VerifyRequest>) => {
  if (data.type === 'stop') stopAsked = true;
  else void run(data);
});

reply({ type: 'table', counts });
