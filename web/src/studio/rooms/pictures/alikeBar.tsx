import type { Signal } from '@preact/signals';
import { bestOf } from '../../project/bestOf.ts';
import { pictures } from '../../state.ts';
import { strings } from '../../strings.ts';
import { type Alike, DISTANCES, type DistanceName } from './alike.ts';
import type { Choice } from './choice.ts';
import { Select } from './filters.tsx';

const texts = strings.pictures.alike;

interface AlikeBarProps {
  readonly alike: Alike;
  readonly distance: Signal<DistanceName>;
  readonly choice: Choice;
}

/** What can be done with groups of pictures that look alike: all but one of each are chosen, to be deleted. */
export function AlikeBar({ alike, distance, choice }: AlikeBarProps) {
  const groups = alike.groups.value;
  const unknown = pictures.value.filter(({ hash }) => hash === undefined).length;
  const choose = () =>
    choice.only(
      (groups ?? []).flatMap((group) => {
        const best = bestOf(group);
        return group.flatMap(({ id }) => (id === best.id ? [] : [id]));
      }),
    );
  return (
    <>
      <Select
        label={texts.distance}
        value={distance.value}
        options={(Object.keys(DISTANCES) as DistanceName[]).map((name) => [name, texts.distances[name]])}
        onValue={(value) => {
          distance.value = value as DistanceName;
        }}
      />
      <button type="button" disabled={!groups || groups.length === 0} onClick={choose}>
        {texts.choose}
      </button>
      <span class="soft" role="status">
        {groups ? texts.groups(groups.length) : strings.loading} {unknown > 0 && texts.unknown(unknown)}
      </span>
    </>
  );
}
