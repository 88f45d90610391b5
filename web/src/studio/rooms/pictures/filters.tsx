import type { Signal } from '@preact/signals';
import type { LabelClass, Picture, Split } from '../../project/model.ts';
import { strings } from '../../strings.ts';

const texts = strings.pictures;

/** Which pictures the grid shows; `alike` are those of which there are near-duplicates. */
export interface Filter {
  readonly labels: 'all' | 'labelled' | 'unlabelled' | 'alike';
  readonly split: 'all' | Split;
  /** The id of a class; empty for all. */
  readonly classId: string;
}

export const ALL: Filter = { labels: 'all', split: 'all', classId: '' };

export const isShown =
  ({ labels, split, classId }: Filter) =>
  (picture: Picture): boolean => {
    const labelled = picture.done || picture.objects > 0;
    if (labels === 'labelled' && !labelled) return false;
    if (labels === 'unlabelled' && labelled) return false;
    if (split !== 'all' && picture.split !== split) return false;
    return classId === '' || (picture.classes ?? []).some(([id]) => id === classId);
  };

interface SelectProps {
  readonly label: string;
  readonly value: string;
  readonly options: readonly (readonly [value: string, text: string])[];
  onValue(value: string): void;
}

export const Select = ({ label, value, options, onValue }: SelectProps) => (
  <label class="choice">
    {label}{' '}
    <select value={value} onChange={({ currentTarget }) => onValue(currentTarget.value)}>
      {options.map(([name, text]) => (
        <option key={name} value={name}>
          {text}
        </option>
      ))}
    </select>
  </label>
);

interface FiltersProps {
  readonly filter: Signal<Filter>;
  readonly classes: readonly LabelClass[];
}

/** By labels, by part and by class. */
export function Filters({ filter, classes }: FiltersProps) {
  const set = (change: Partial<Filter>) => {
    filter.value = { ...filter.value, ...change };
  };
  const { labels, split, classId } = filter.value;
  return (
    <>
      <Select
        label={texts.filter}
        value={labels}
        options={Object.entries(texts.filters)}
        onValue={(value) => set({ labels: value as Filter['labels'] })}
      />
      <Select
        label={texts.split}
        value={split}
        options={[['all', texts.filters.all], ...Object.entries(texts.splits)]}
        onValue={(value) => set({ split: value as Filter['split'] })}
      />
      {classes.length > 0 && (
        <Select
          label={texts.class}
          value={classId}
          options={[['', texts.filters.all], ...classes.map(({ id, name }) => [id, name] as const)]}
          onValue={(value) => set({ classId: value })}
        />
      )}
    </>
  );
}
