import { useState } from 'preact/hooks';
import { type ClassEdit, isClassKey, newClass } from '../../project/classes.ts';
import type { LabelClass, LabelObject } from '../../project/model.ts';
import { strings } from '../../strings.ts';
import { Icon } from './icons.tsx';
import { Swatch } from './objects.tsx';

const texts = strings.label.class;

interface ClassesPanelProps {
  readonly classes: readonly LabelClass[];
  readonly current: string;
  readonly objects: readonly LabelObject[];
  readonly countOf: ((classId: string) => number) | undefined;
  onChoose(id: string): void;
  onClasses(edit: ClassEdit): void;
}

/** The classes: choosing the one that new objects get, and editing them. */
export function ClassesPanel({ classes, current, objects, countOf, onChoose, onClasses }: ClassesPanelProps) {
  const [edited, setEdited] = useState('');
  const counts = new Map<string, number>();
  for (const { classId } of objects) counts.set(classId, (counts.get(classId) ?? 0) + 1);
  const count = (id: string) => countOf?.(id) ?? counts.get(id) ?? 0;
  const isFree = (name: string, id: string) =>
    name !== '' && classes.every((other) => other.id === id || other.name !== name);
  const add = (name: string) => {
    const one = newClass(classes, name, crypto.randomUUID());
    onClasses({ kind: 'add', one });
    onChoose(one.id);
  };
  return (
    <section class="label-panel" aria-labelledby="label-classes">
      <h2 id="label-classes">{strings.label.classes}</h2>
      {classes.length === 0 && <p class="label-none">{texts.none}</p>}
      <ul class="label-classes">
        {classes.map((one) =>
          one.id === edited ? (
            <li key={one.id}>
              <ClassForm
                one={one}
                others={classes.filter(({ id }) => id !== one.id)}
                count={count(one.id)}
                isFree={(name) => isFree(name, one.id)}
                onClasses={onClasses}
                onClose={() => setEdited('')}
              />
            </li>
          ) : (
            <li key={one.id}>
              <button
                type="button"
                class="label-row"
                aria-pressed={one.id === current}
                onClick={() => onChoose(one.id)}
              >
                <Swatch color={one.color} />
                <span class="label-words" title={one.name}>
                  {one.name}
                </span>
                <small>
                  <span aria-hidden="true">{count(one.id).toLocaleString('en')}</span>
                  <span class="label-unseen">{strings.label.objects(count(one.id))}</span>
                </small>
                {one.key !== '' && (
                  <kbd>
                    <span class="label-unseen">{texts.key} </span>
                    {one.key}
                  </kbd>
                )}
              </button>
              <button
                type="button"
                class="plain label-tool"
                aria-label={texts.edit(one.name)}
                title={texts.edit(one.name)}
                onClick={() => setEdited(one.id)}
              >
                <Icon name="edit" />
              </button>
            </li>
          ),
        )}
      </ul>
      <AddClass isFree={(name) => isFree(name, '')} onAdd={add} />
    </section>
  );
}

/** Says at the input what is wrong with a name; whether it is right. */
function checkName(input: HTMLInputElement, isFree: (name: string) => boolean): boolean {
  input.setCustomValidity(isFree(input.value.trim()) ? '' : texts.nameNeeded);
  return input.reportValidity();
}

interface AddClassProps {
  isFree(name: string): boolean;
  onAdd(name: string): void;
}

function AddClass({ isFree, onAdd }: AddClassProps) {
  const onSubmit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const input = event.currentTarget.elements.namedItem('name') as HTMLInputElement;
    if (!checkName(input, isFree)) return;
    onAdd(input.value.trim());
    input.value = '';
  };
  return (
    <form class="label-add" noValidate onSubmit={onSubmit}>
      <input
        name="name"
        type="text"
        autocomplete="off"
        maxLength={200}
        aria-label={texts.newName}
        placeholder={texts.newHint}
        onInput={({ currentTarget }) => currentTarget.setCustomValidity('')}
      />
      <button type="submit">{texts.add}</button>
    </form>
  );
}

interface ClassFormProps {
  readonly one: LabelClass;
  readonly others: readonly LabelClass[];
  /** Objects that it has. */
  readonly count: number;
  isFree(name: string): boolean;
  onClasses(edit: ClassEdit): void;
  onClose(): void;
}

/** Renames, recolours, and deletes a class. */
function ClassForm({ one, others, count, isFree, onClasses, onClose }: ClassFormProps) {
  const [removing, setRemoving] = useState(false);
  const [to, setTo] = useState('');
  const onSubmit = (event: SubmitEvent & { readonly currentTarget: HTMLFormElement }) => {
    event.preventDefault();
    const input = (name: string) => event.currentTarget.elements.namedItem(name) as HTMLInputElement;
    if (!checkName(input('name'), isFree)) return;
    const key = input('key').value.toLowerCase();
    const changed = { ...one, name: input('name').value.trim(), color: input('color').value };
    onClasses({ kind: 'change', one: { ...changed, key: isClassKey(key) ? key : one.key } });
    onClose();
  };
  const remove = () => {
    onClasses({ kind: 'remove', id: one.id, ...(to === '' ? {} : { to }) });
    onClose();
  };
  if (removing) {
    return (
      <fieldset class="label-form" aria-label={texts.remove}>
        <p>{texts.removeReally(one.name, strings.label.objects(count))}</p>
        {count > 0 && (
          <label>
            {texts.whatOfObjects}
            <select value={to} onChange={({ currentTarget }) => setTo(currentTarget.value)}>
              <option value="">{texts.removeObjects}</option>
              {others.map(({ id, name }) => (
                <option key={id} value={id}>
                  {texts.moveTo(name)}
                </option>
              ))}
            </select>
          </label>
        )}
        <div class="label-buttons">
          <button type="button" class="label-danger" onClick={remove}>
            {texts.remove}
          </button>
          <button type="button" onClick={() => setRemoving(false)}>
            {texts.cancel}
          </button>
        </div>
      </fieldset>
    );
  }
  return (
    <form
      class="label-form"
      noValidate
      onSubmit={onSubmit}
      onKeyDown={({ key }) => {
        if (key === 'Escape') onClose();
      }}
    >
      <label>
        {texts.name}
        <input
          name="name"
          type="text"
          autocomplete="off"
          maxLength={200}
          defaultValue={one.name}
          // The visitor has just asked for it.
          ref={(input) => input?.focus()}
          onInput={({ currentTarget }) => currentTarget.setCustomValidity('')}
        />
      </label>
      <div class="label-pair">
        <label>
          {texts.color}
          <input name="color" type="color" defaultValue={one.color} />
        </label>
        <label>
          {texts.key}
          <input
            name="key"
            type="text"
            maxLength={1}
            autocomplete="off"
            title={texts.keyHint}
            defaultValue={one.key}
          />
        </label>
      </div>
      <div class="label-buttons">
        <button type="submit" class="primary">
          {texts.save}
        </button>
        <button type="button" onClick={onClose}>
          {texts.cancel}
        </button>
        <button type="button" onClick={() => setRemoving(true)}>
          {texts.remove}
        </button>
      </div>
    </form>
  );
}
