import { expectArguments } from '../arguments.ts';
import { DataError, UsageError } from '../errors.ts';
import { withDefaults } from '../options.ts';
import { Random } from '../vision/random.ts';
import { nameOfItem } from './batchMaker.ts';

/** Options of `trainTestSplit` and `kFold`. */
export interface SplitOptions<Item> {
  /** Seed of the order. Default 0. */
  readonly seed?: number | string;
  /**
   * What items belong to, such as the patient or the scene: those of one group are never on both sides. Default: each item is a group.
   */
  readonly group?: (item: Item, index: number) => string | number;
  /**
   * The class of an item: each has its share on both sides, as nearly as whole items allow (scikit-learn's `stratify`). Not together with
   * `group`. Default: classes are not looked at.
   */
  readonly stratify?: (item: Item, index: number) => string | number;
}

/** Items to train on, and items to judge by; each in their order. */
export interface Split<Item> {
  readonly train: Item[];
  readonly valid: Item[];
}

type KeyOf<Item> = NonNullable<SplitOptions<Item>['group']>;

/** The options of a split. Throws UsageError for those that cannot be used. */
function checked<Item>(call: string, options: SplitOptions<Item>) {
  const filled = withDefaults(call, options, { seed: 0, group: undefined, stratify: undefined });
  expectArguments(
    call,
    { options: filled },
    { options: { seed: 'label', 'group?': 'function', 'stratify?': 'function' } },
  );
  if (filled.group && filled.stratify) {
    throw new UsageError(`${call}: group and stratify are both given; leave one of them out`);
  }
  return filled;
}

/** The numbers of the items of each group, the groups in random order. */
function shuffledGroups<Item>(
  items: readonly Item[],
  seed: number | string,
  group: KeyOf<Item> = (_, index) => index,
): number[][] {
  const groups = new Map<string | number, number[]>();
  items.forEach((item, i) => {
    const key = group(item, i);
    const members = groups.get(key);
    if (members) members.push(i);
    else groups.set(key, [i]);
  });
  return new Random(seed).fork('split').shuffle([...groups.values()]);
}

/** The numbers of the items of each class, in random order. */
function shuffledClasses<Item>(
  items: readonly Item[],
  seed: number | string,
  stratify: KeyOf<Item>,
): number[][] {
  const classes = shuffledGroups(items, seed, stratify);
  const random = new Random(seed).fork('stratify');
  return classes.map((members, i) => random.fork(i).shuffle([...members]));
}

function splitOf<Item>(items: readonly Item[], valid: ReadonlySet<number>): Split<Item> {
  return {
    train: items.filter((_, i) => !valid.has(i)),
    valid: items.filter((_, i) => valid.has(i)),
  };
}

/**
 * Splits items at random (scikit-learn's train_test_split and GroupShuffleSplit).
 *
 * @param items The items, at least two groups.
 * @param share The share of the items to judge by, above 0 and below 1. Whole groups are taken until it is reached; at least one, and at
 * least one is left.
 * @param options Seed and groups.
 * @throws UsageError for a share out of range, and fewer than two groups.
 */
export function trainTestSplit<Item>(
  items: readonly Item[],
  share: number,
  options: SplitOptions<Item> = {},
): Split<Item> {
  expectArguments('trainTestSplit', { items, share }, { items: { length: 'number' }, share: 'number' });
  if (!(share > 0 && share < 1)) {
    throw new UsageError(`trainTestSplit: share is ${share}; give a number above 0 and below 1`);
  }
  const { seed, group: groupOf, stratify } = checked('trainTestSplit', options);
  if (stratify) {
    if (items.length < 2) {
      throw new UsageError(`trainTestSplit: there is ${items.length} item; give at least 2`);
    }
    const classes = shuffledClasses(items, seed, stratify);
    const held = classes.flatMap((members) => members.slice(0, heldOf(members.length, share)));
    // Classes of one item are all trained on, unless there are no others.
    return splitOf(items, new Set(held.length > 0 ? held : classes[0]!.slice(0, 1)));
  }
  const groups = shuffledGroups(items, seed, groupOf);
  if (groups.length < 2) {
    throw new UsageError(`trainTestSplit: ${items.length} items in ${groups.length} groups; give at least 2`);
  }
  const valid = new Set<number>();
  const wanted = Math.round(share * items.length);
  for (const [k, group] of groups.slice(0, -1).entries()) {
    if (k > 0 && valid.size + group.length > wanted) break;
    for (const i of group) valid.add(i);
  }
  return splitOf(items, valid);
}

/** How many items of a class are held out: their share, at least one of two or more, and never all. */
const heldOf = (count: number, share: number): number =>
  Math.min(count - 1, Math.max(1, Math.round(share * count)));

/**
 * Splits items into folds of nearly the same size, one of which is judged by (scikit-learn's KFold and GroupKFold).
 *
 * @param items The items, at least as many groups as folds.
 * @param folds The number of folds, at least 2.
 * @param fold The fold to judge by, from 0.
 * @param options Seed and groups.
 * @throws UsageError for numbers out of range, and fewer groups than folds.
 */
export function kFold<Item>(
  items: readonly Item[],
  folds: number,
  fold: number,
  options: SplitOptions<Item> = {},
): Split<Item> {
  expectArguments(
    'kFold',
    { items, folds, fold },
    { items: { length: 'number' }, folds: 'number', fold: 'number' },
  );
  if (!(Number.isSafeInteger(folds) && folds >= 2)) {
    throw new UsageError(`kFold: folds is ${folds}; give a whole number of at least 2`);
  }
  if (!(Number.isSafeInteger(fold) && fold >= 0 && fold < folds)) {
    throw new UsageError(`kFold: fold is ${fold}; give a whole number from 0 to ${folds - 1}`);
  }
  const { seed, group: groupOf, stratify } = checked('kFold', options);
  if (stratify) {
    if (items.length < folds) {
      throw new UsageError(`kFold: ${items.length} items for ${folds} folds; give at least as many`);
    }
    // The items of a class go to the folds in turns, and the next class goes on where it ended (StratifiedKFold).
    const dealt = shuffledClasses(items, seed, stratify).flat();
    return splitOf(items, new Set(dealt.filter((_, i) => i % folds === fold)));
  }
  const groups = shuffledGroups(items, seed, groupOf);
  if (groups.length < folds) {
    throw new UsageError(`kFold: ${groups.length} groups for ${folds} folds; give at least as many`);
  }
  // The largest groups first, each into the smallest fold.
  const sets = Array.from({ length: folds }, () => new Set<number>());
  for (const group of groups.toSorted((a, b) => b.length - a.length)) {
    const smallest = sets.reduce((best, set) => (set.size < best.size ? set : best));
    for (const i of group) smallest.add(i);
  }
  return splitOf(items, sets[fold]!);
}

/**
 * Splits items by a list of names, such as the lines of a file `val.txt` (fastai's FileSplitter).
 *
 * @param items The items.
 * @param names The names of the items to judge by. Each must be that of an item; empty names are passed over.
 * @param nameOf The name of an item. Default: its `name`, or the item itself if it is text.
 * @throws DataError for names that no item has, and for none or all of the items.
 */
export function splitByNames<Item>(
  items: readonly Item[],
  names: Iterable<string>,
  nameOf: (item: Item) => string = (item) => nameOfItem(item, 0),
): Split<Item> {
  const given = typeof names === 'object' && names !== null && Symbol.iterator in names ? [...names] : names;
  expectArguments(
    'splitByNames',
    { items, names: given, nameOf },
    { items: { length: 'number', flatMap: 'function' }, names: ['text'], nameOf: 'function' },
  );
  const wanted = new Set([...given].filter((name) => name.trim() !== ''));
  const found = new Set(items.map(nameOf));
  const missing = [...wanted].filter((name) => !found.has(name));
  if (missing.length > 0) {
    const more = missing.length > 1 ? `, and ${missing.length - 1} others` : '';
    throw new DataError(
      `splitByNames: no item is called ${JSON.stringify(missing[0])}${more}; the items are called as ${JSON.stringify([...found][0] ?? '')}`,
    );
  }
  const valid = new Set(items.flatMap((item, i) => (wanted.has(nameOf(item)) ? [i] : [])));
  if (valid.size === 0 || valid.size === items.length) {
    throw new DataError(
      `splitByNames: ${valid.size} of ${items.length} items are to be judged by; name some, but not all`,
    );
  }
  return splitOf(items, valid);
}
