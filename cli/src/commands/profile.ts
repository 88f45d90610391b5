import { DeviceLimitError, type Gpu, UsageError } from 'fovea';
import { ADAPTER_CLASSES, type AdapterClassName, measureAdapter, type Profile } from 'fovea/profile';
import { checkOutputFile, writeFileAtomic } from '../files.ts';
import { withGpu } from '../gpu.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';
import { type Grouping, groupBy, repeated, totalsOf } from '../profile/groups.ts';
import { writeProfilePage } from '../profile/page.ts';
import { adapterTable, groupTable, measuredLines, summaryLine } from '../profile/tables.ts';
import { openTarget, type Target, type TargetOptions } from '../profile/target.ts';
import { createProgress } from '../progress.ts';
import { textTable } from '../textTable.ts';

export interface ProfileOptions extends TargetOptions {
  /** Classes of adapters to predict for, in place of this one. The first is shown in full. */
  readonly gpu?: readonly AdapterClassName[];
  readonly by?: Grouping;
  readonly top?: number;
  readonly json?: string;
  readonly report?: string;
  readonly adapter?: string;
}

const TOP = 15;

/** Runs and measures the program on an adapter. */
async function measured(gpu: Gpu, { trace }: Target): Promise<Profile> {
  const adapter = await measureAdapter(gpu);
  const progress = createProgress({ total: 0, label: 'profile' });
  const profile = await trace.measure(gpu, {
    adapter,
    progress: (done, total, doing) => {
      if (process.stderr.isTTY) progress.phase(`${doing} kernels ${done}/${total}`);
    },
  });
  progress.done();
  return profile;
}

/** What the JSON file has: sums, and every dispatch of the profile that is shown in full. */
function jsonOf({ title, batch, size }: Target, profiles: readonly Profile[], train: boolean): object {
  const [shown] = profiles;
  return {
    title,
    training: train,
    batch,
    size,
    adapters: profiles.map((profile) => {
      const { adapter, definitionFlops, wall } = profile;
      const { caps: _, ...about } = adapter;
      return { ...about, ...totalsOf(repeated(profile)), definitionFlops, ...(wall ? { wall } : {}) };
    }),
    layers: groupBy(repeated(shown!), 'layer'),
    dispatches: shown!.dispatches,
  };
}

/** fovea profile: what each dispatch of a model moves, computes and takes, here and on other GPUs. */
export async function profileCommand(
  model: string,
  options: ProfileOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const { gpu: classes, by = 'layer', top = TOP, json, report, adapter, train = false } = options;
  if (classes && adapter !== undefined) {
    throw new UsageError(
      'profile: --gpu predicts for GPUs that are not here, --adapter measures on one that is; give one of them',
    );
  }
  for (const file of [json, report]) if (file !== undefined) await checkOutputFile(file);
  const target = await openTarget(model, options);
  const names = classes ?? (Object.keys(ADAPTER_CLASSES) as AdapterClassName[]);
  const here = classes
    ? undefined
    : await withGpu(adapter, async (gpu) => {
        const { name, software } = gpu.device.adapter;
        return { profile: await measured(gpu, target), adapter: { name, software } };
      });
  const profiles = here ? [here.profile] : [];
  const notes: string[] = [];
  for (const name of names) {
    try {
      profiles.push(await target.trace.estimate(ADAPTER_CLASSES[name]));
    } catch (error) {
      // One that it does not fit on says nothing of the others.
      if (!(error instanceof DeviceLimitError) || (!here && names.length === 1)) throw error;
      notes.push(`${name}: does not fit: ${error.message}`);
    }
  }
  const [shown, ...others] = profiles;
  if (!shown) throw new DeviceLimitError(`profile: ${notes.join('; ')}`);
  const told = measuredLines(shown);
  const table = groupTable(shown, by, top);
  const lines = [
    printable(target.title),
    summaryLine(shown),
    '',
    textTable(adapterTable(profiles)),
    '',
    ...(notes.length > 0 ? [...notes.map(printable), ''] : []),
    ...(told.length > 0 ? [...told.map(printable), ''] : []),
    ...(others.length > 0 ? [`${printable(shown.adapter.title)}:`] : []),
    textTable(table),
    ...(table.note ? [table.note] : []),
  ];
  stdout.write(`${lines.join('\n')}\n`);
  if (json !== undefined) {
    await writeFileAtomic(json, `${JSON.stringify(jsonOf(target, profiles, train), undefined, 1)}\n`);
  }
  if (report !== undefined)
    await writeProfilePage(report, target.title, [shown, ...others], notes, here?.adapter);
}
