import { lstat, readFile, realpath, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { DataError, UsageError } from 'fovea';
import { fileProblem, realPath, writeFileAtomic } from '../files.ts';
import type { Group } from './groups.ts';
import type { DedupeImage } from './readImages.ts';

/** Values of --action. */
export const ACTIONS = ['report', 'link', 'move'] as const;
export type Action = (typeof ACTIONS)[number];

/** One thing to do. Paths are absolute, so that it can be done from another folder, too. */
export interface Step {
  /** The duplicate. */
  readonly file: string;
  /** Where it is moved to; in plans of links there is none. */
  readonly to?: string;
  readonly sha256: string;
  /** The image that stays, whose bytes are checked before anything is done. */
  readonly kept: string;
  readonly keptSha256: string;
}

/** The settings on which the steps depend. */
export interface PlanSettings {
  readonly action: Exclude<Action, 'report'>;
  readonly images: readonly string[];
  readonly recursive: boolean;
  readonly hash: string;
  readonly distance: number;
}

/** All that is to be done, written before the first of it is. */
export interface Plan {
  readonly version: 1;
  /** When it was made, which is also its name. */
  readonly created: string;
  readonly settings: PlanSettings;
  readonly steps: readonly Step[];
}

const PLAN = 'plan.json';

/** Every name of an image. */
const placesOf = ({ place, others }: DedupeImage): string[] => [place, ...others.map((one) => one.place)];

/** A step for each name of each copy: images that are alike only differ, and none can take the place of another. */
export const linkSteps = (groups: readonly Group[]): Step[] =>
  groups.flatMap(({ duplicates }) =>
    duplicates.flatMap(({ image, copyOf }) => {
      if (!copyOf) return [];
      const { sha256 } = image;
      return placesOf(image).map((file) => ({ file, sha256, kept: copyOf.place, keptSha256: sha256 }));
    }),
  );

/** The folder that contains all that was given: paths below it stay as they are where images are moved. */
export async function baseOf(given: readonly string[]): Promise<string> {
  const folders: string[] = [];
  for (const one of given) {
    const found = await stat(one).catch(() => undefined);
    folders.push(await realPath(found?.isDirectory() ? one : path.dirname(one)));
  }
  const parts = folders.map((folder) => folder.split(path.sep));
  let common = parts[0]!.length;
  for (const other of parts) {
    while (parts[0]!.slice(0, common).join(path.sep) !== other.slice(0, common).join(path.sep)) common--;
  }
  return parts[0]!.slice(0, common).join(path.sep) || path.parse(folders[0]!).root;
}

/** The path of an image in `out`. UsageError where it would be outside: on Windows, images of two disks have no common folder. */
export function movedTo(out: string, base: string, place: string): string {
  const inside = path.relative(base, place);
  if (base !== '' && inside !== '' && !inside.startsWith('..') && !path.isAbsolute(inside))
    return path.join(out, inside);
  throw new UsageError(`dedupe: ${place} is not below ${base}; move the images of one folder at a time`);
}

/** A step for each name of each duplicate. */
export const moveSteps = (groups: readonly Group[], target: (place: string) => string): Step[] =>
  groups.flatMap(({ duplicates }) =>
    duplicates.flatMap(({ image, of }) =>
      placesOf(image).map((file) => ({
        file,
        to: target(file),
        sha256: image.sha256,
        kept: of.place,
        keptSha256: of.sha256,
      })),
    ),
  );

/** Throws DataError where a file is to be moved to where there is one. */
export async function checkTargets(steps: readonly Step[]): Promise<void> {
  for (const { to } of steps) {
    if (to === undefined || !(await lstat(to).catch(() => undefined))) continue;
    throw new DataError(`${to}: is there already, and nothing is overwritten; choose another --out`);
  }
}

/** Writes the plan. From here on it can be finished, whatever ends the process. */
export const writePlan = (out: string, plan: Plan): Promise<void> =>
  writeFileAtomic(path.join(out, PLAN), `${JSON.stringify(plan, undefined, 1)}\n`);

const isStep = (step: Partial<Step> | null): boolean =>
  [step?.file, step?.sha256, step?.kept, step?.keptSha256].every((text) => typeof text === 'string') &&
  ['string', 'undefined'].includes(typeof step?.to);

/** The plan of a run that did not finish; undefined where there is none. DataError for a file that is no plan. */
export async function readPlan(out: string): Promise<Plan | undefined> {
  const file = path.join(out, PLAN);
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DataError(`${file}: cannot be read (${fileProblem(error)})`, { cause: error });
  }
  const plan = ((): Partial<Plan> | undefined => {
    try {
      return JSON.parse(text) as Partial<Plan>;
    } catch {
      return undefined;
    }
  })();
  const { settings, steps } = plan ?? {};
  const named = typeof plan?.created === 'string' && /^[-\d]+T[.:\d]+Z$/.test(plan.created);
  if (
    plan?.version === 1 &&
    named &&
    Array.isArray(steps) &&
    steps.every(isStep) &&
    Array.isArray(settings?.images)
  ) {
    return plan as Plan;
  }
  throw new DataError(`${file}: is no plan of fovea dedupe; choose another --out, or remove the file`);
}

/** A step that could not be carried out, and why. */
export interface Problem {
  readonly file: string;
  readonly message: string;
}

/** Writes what was done instead of the plan: `moved-TIME.json` or `linked-TIME.json`. Returns its path. */
export async function finishPlan(out: string, plan: Plan, problems: readonly Problem[]): Promise<string> {
  const { action } = plan.settings;
  const name = `${{ link: 'linked', move: 'moved' }[action]}-${plan.created.replaceAll(/[:.]/g, '-')}.json`;
  const file = path.join(out, name);
  const why = new Map(problems.map((one) => [one.file, one.message]));
  const steps = plan.steps.map((step) => {
    const problem = why.get(step.file);
    return problem === undefined ? step : { ...step, problem };
  });
  await writeFileAtomic(file, `${JSON.stringify({ ...plan, steps }, undefined, 1)}\n`);
  await rm(path.join(out, PLAN));
  return file;
}

/** The settings as they are compared with those of a plan that was not finished. */
export async function settingsOf(
  given: readonly string[],
  settings: Omit<PlanSettings, 'images'>,
): Promise<PlanSettings> {
  const images = await Promise.all(given.map((one) => realpath(one).catch(() => path.resolve(one))));
  return { ...settings, images };
}

/** Whether two runs would make the same plan of the same images. */
export const sameSettings = (a: PlanSettings, b: PlanSettings): boolean =>
  a.action === b.action &&
  a.recursive === b.recursive &&
  a.hash === b.hash &&
  a.distance === b.distance &&
  a.images.length === b.images.length &&
  a.images.every((image, i) => image === b.images[i]);
