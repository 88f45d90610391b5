/** A count with its noun: `1 box`, `2 boxes`. */
export const counted = (count: number, one: string, many = `${one}s`): string =>
  `${count} ${count === 1 ? one : many}`;

/** What a writer counts, in the singular: the first noun of it, and the verb that belongs to it. */
const singular = (what: string): string =>
  what
    .replace(/^((?:\w+ (?=objects\b))?\w+)/, (noun) => noun.replace(/(?:(box|class)es|s)$/, '$1'))
    .replace(/, which were /, ', which was ');

/** A line of `DatasetWriter.warnings` with its count: `12 crowds, left out`, `1 crowd, left out`. */
export const countedWarning = (what: string, count: number): string =>
  `${count} ${count === 1 ? singular(what) : what}`;

/** A label as it is shown: in quotes where it begins or ends with a blank, or is empty. */
export const shownLabel = (label: string): string =>
  label === '' || label !== label.trim() ? JSON.stringify(label) : label;
