import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { BadData } from 'fovea/data';
import type { HashName } from 'fovea/similarity';
import { counted } from '../counted.ts';
import { createCounter } from '../counter.ts';
import { carryOut } from '../dedupe/carryOut.ts';
import { findGroups } from '../dedupe/groups.ts';
import { writeDedupePage } from '../dedupe/page.ts';
import {
  type Action,
  baseOf,
  checkTargets,
  finishPlan,
  linkSteps,
  movedTo,
  moveSteps,
  type Plan,
  readPlan,
  sameSettings,
  settingsOf,
  writePlan,
} from '../dedupe/plan.ts';
import { type ReadImages, readImages } from '../dedupe/readImages.ts';
import { jsonOf, linesOf, metricsOf } from '../dedupe/told.ts';
import { endBySignal, onInterrupt } from '../errors.ts';
import { FaultLog } from '../faultLog.ts';
import { checkOutputFile, realPath, writeFileAtomic } from '../files.ts';
import { imageInputs } from '../imageInputs.ts';
import { withLock } from '../lock.ts';
import type { Output } from '../output.ts';
import { printable } from '../printable.ts';

export interface DedupeCommandOptions {
  /** Default pHash. */
  readonly hash?: HashName;
  /** The most bits that differ. Default 4. */
  readonly distance?: number;
  /** Default report: no image is touched. */
  readonly action?: Action;
  /** Folder for the page, the groups, the plan, and images that are moved. Default `duplicates`. */
  readonly out?: string;
  readonly recursive?: boolean;
  readonly reportBad?: string;
}

/** The bits of hashes of which there are other than 64. */
const BITS: Partial<Record<HashName, number>> = { blockMeanHash: 256, blockMeanHash1: 961 };
const PAGE = 'duplicates.html';
const JSON_FILE = 'duplicates.json';

/** fovea dedupe: which images are there several times, and on wish what is done with all but one of them. */
export async function dedupeCommand(
  given: readonly string[],
  options: DedupeCommandOptions,
  stdout: Output = process.stdout,
): Promise<void> {
  const { hash = 'pHash', distance = 4, action = 'report', out = 'duplicates', recursive = false } = options;
  const { reportBad } = options;
  for (const one of given) {
    if ((await realPath(one)) !== (await realPath(out))) continue;
    throw new UsageError(`dedupe: --out ${out} is a folder of the images; choose another one`);
  }
  const bits = BITS[hash] ?? 64;
  if (distance >= bits) {
    throw new UsageError(
      `dedupe: --distance ${distance}: of ${hash} all images are within its ${bits} bits; give fewer, such as 4`,
    );
  }
  if (reportBad !== undefined) await checkOutputFile(reportBad);
  const settings = { hash, distance, recursive };
  // Where there are none no folder is made.
  const found = (await readPlan(out)) ? undefined : await imageInputs(given, { recursive, out });
  const run = async (): Promise<string[]> => {
    const before = await readPlan(out);
    if (before) return resume(before, { given, out, action, ...settings }, stdout);
    // Another run may have finished the plan meanwhile.
    const inputs = found ?? (await imageInputs(given, { recursive, out }));
    const counter = createCounter(`of ${counted(inputs.length, 'image')}`);
    const read = await readImages(inputs, hash, (done) => counter.show(done)).finally(() => counter.clear());
    for (const { error } of read.unreadable) process.stderr.write(`failed: ${printable(error.message)}\n`);
    const problems = read.unreadable.map(({ error }) => error.message);
    if (reportBad !== undefined) await writeFaults(reportBad, read);
    // A path that is wrong must not replace the page of an earlier run by an empty one.
    if (read.images.length === 0 && problems.length > 0) return problems;
    const groups = await findGroups(read.images, distance);
    const base = await baseOf(given);
    const folder = await realPath(out);
    const target = (place: string): string => movedTo(folder, base, place);
    const steps = { report: () => [], link: () => linkSteps(groups), move: () => moveSteps(groups, target) }[
      action
    ]();
    await checkTargets(steps);
    const lines = linesOf(read, groups, action);
    await writeFileAtomic(
      path.join(out, JSON_FILE),
      `${JSON.stringify(jsonOf(read, groups, { hash, distance, action, steps }), undefined, 1)}\n`,
    );
    await writeDedupePage(path.join(out, PAGE), {
      groups,
      given,
      lead: lines.summary,
      hash,
      distance,
      action,
      metrics: metricsOf(read, groups),
      notes: lines.notes,
    });
    stdout.write(
      [...lines.groups, ...lines.notes, lines.summary, `look at ${path.join(out, PAGE)}`]
        .map((line) => `${printable(line)}\n`)
        .join(''),
    );
    if (action === 'report' || steps.length === 0) return problems;
    const plan: Plan = {
      version: 1,
      created: new Date().toISOString(),
      settings: await settingsOf(given, { ...settings, action }),
      steps,
    };
    await writePlan(out, plan);
    return [...problems, ...(await carry(plan, out, stdout))];
  };
  const problems = await withLock(path.join(out, 'dedupe'), run, 'dedupe');
  const [first, ...rest] = problems;
  if (first === undefined) return;
  throw new DataError(rest.length === 0 ? first : `${problems.length} files failed; the first: ${first}`);
}

/** Finishes the plan of a run that was stopped. UsageError where it is of other options. */
async function resume(
  plan: Plan,
  wanted: { readonly given: readonly string[]; readonly out: string; readonly action: Action } & Pick<
    Plan['settings'],
    'hash' | 'distance' | 'recursive'
  >,
  stdout: Output,
): Promise<string[]> {
  const { given, out, action, ...settings } = wanted;
  const same =
    action !== 'report' && sameSettings(plan.settings, await settingsOf(given, { ...settings, action }));
  if (!same) {
    const { action: begun, hash, distance } = plan.settings;
    throw new UsageError(
      `dedupe: ${path.join(out, 'plan.json')} is the plan of a run that did not finish (--action ${begun} --hash ${hash} --distance ${distance}); run the same command again to finish it, or remove the file`,
    );
  }
  stdout.write(`finishing the plan of ${plan.created}; images are not looked for again\n`);
  return carry(plan, out, stdout);
}

/** Does what the plan says, and says what was done. Returns what could not be done. */
async function carry(plan: Plan, out: string, stdout: Output): Promise<string[]> {
  const { action } = plan.settings;
  const counter = createCounter(`of ${counted(plan.steps.length, 'file')}`);
  let stopped = false;
  const release = onInterrupt(() => {
    stopped = true;
  });
  let done = 0;
  const problems = await carryOut(plan, (count) => {
    if (stopped) return false;
    done = count;
    counter.show(count);
    return true;
  }).finally(() => {
    counter.clear();
    release();
  });
  if (!problems) {
    process.stderr.write(
      `stopped: ${done} of ${counted(plan.steps.length, 'file')} done; run the command again to finish\n`,
    );
    endBySignal();
  }
  const record = await finishPlan(out, plan, problems);
  for (const { file, message } of problems) {
    process.stderr.write(`failed: ${printable(`${file}: ${message}`)}\n`);
  }
  const count = counted(plan.steps.length - problems.length, 'file');
  const what = action === 'move' ? `moved ${count} to ${out}` : `replaced ${count} by hard links`;
  stdout.write(`${printable(`${what}; ${record} lists them`)}\n`);
  return problems.map(({ file, message }) => `${file}: ${message}`);
}

async function writeFaults(file: string, { unreadable }: ReadImages): Promise<void> {
  const faults = new FaultLog();
  for (const { error } of unreadable) {
    const kind = error instanceof BadData ? error.kind : 'other';
    faults.add({ level: 'image', kind, message: error.message });
  }
  await faults.write(file);
}
