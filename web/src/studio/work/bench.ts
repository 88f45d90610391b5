/** A worker that times a handful of operations with the workloads of bench/. The page ends it to stop it. */
import { QUICK } from '../../../../bench/src/measure.ts';
import { Ours } from '../../../../bench/src/ours.ts';
import type { ResultRow } from '../../../../bench/src/results.ts';
import { runRow } from '../../../../bench/src/runRow.ts';
import type { Row } from '../../../../bench/src/workload.ts';
import { allRows } from '../../../../bench/src/workloads/index.ts';
import { type Limits, measureLimits } from '../../../../src/profile/limits.ts';
import { describeError } from '../../page.ts';

/** The first workload of each of these names, in sizes that a software adapter manages, too. */
const HANDFUL = [
  ...['gemm 512', 'conv 3x3 1x', 'conv 3x3 depthwise', 'batch norm, training', 'softmax and cross-entropy'],
  ...['roi_align', 'nms of 1000', 'sort of', 'ResNet-18', 'U-Net 32'],
];

/** What is told of one workload; times in milliseconds. */
export type BenchRow = Pick<ResultRow, 'name' | 'medianMs' | 'spreadMs' | 'gflops' | 'gbps' | 'shareOfLimit'>;

export type BenchReply =
  | { readonly type: 'began'; readonly count: number; readonly limits: Limits }
  | { readonly type: 'row'; readonly row: BenchRow }
  | { readonly type: 'end'; readonly error?: string };

const reply = (message: BenchReply): void => postMessage(message);

async function run(): Promise<void> {
  const ours = await Ours.open(undefined);
  const { device } = ours.gpu;
  const all = allRows({ quick: true, slow: true });
  const rows = HANDFUL.map((name) => all.find((row) => row.name.startsWith(name))).filter(
    (row): row is Row => row !== undefined,
  );
  const limits = await measureLimits(device, device.adapter.software ? 1 / 8 : 1);
  reply({ type: 'began', count: rows.length, limits });
  for (const { make } of rows) {
    const { name, medianMs, spreadMs, gflops, gbps, shareOfLimit } = await runRow(
      { ours },
      make(),
      limits,
      QUICK,
    );
    reply({ type: 'row', row: { name, medianMs, spreadMs, gflops, gbps, shareOfLimit } });
  }
  ours.dispose();
}

run().then(
  () => reply({ type: 'end' }),
  (error: unknown) => reply({ type: 'end', error: describeError(error) }),
);
