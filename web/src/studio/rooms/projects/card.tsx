import { useState } from 'preact/hooks';
import type { Project, ProjectTask } from '../../project/model.ts';
import { strings } from '../../strings.ts';
import { NameForm } from './nameForm.tsx';

const texts = strings.projects;
const TASKS = Object.keys(texts.tasks) as ProjectTask[];

/** A project of the list, and how many pictures it has. */
export interface Listed {
  readonly project: Project;
  readonly pictures: number;
}

export interface CardActions {
  open(project: Project): void;
  change(project: Project, change: Partial<Pick<Project, 'name' | 'task'>>): void;
  save(project: Project): void;
  remove(project: Project): void;
}

interface CardProps extends Listed {
  readonly isOpen: boolean;
  /** Something long is being done: only one is at a time. */
  readonly busy: boolean;
  readonly actions: CardActions;
}

/** One project of the list. */
export function Card({ project, pictures, isOpen, busy, actions }: CardProps) {
  const [form, setForm] = useState<'none' | 'name' | 'remove'>('none');
  const { name, task, created, id } = project;
  const count = strings.pictures.count(pictures);
  const made = new Date(created).toLocaleDateString('en', { dateStyle: 'medium' });
  const close = () => setForm('none');
  return (
    <li class={isOpen ? 'card open' : 'card'}>
      {form === 'name' ? (
        <NameForm
          label={texts.name}
          submit={texts.save}
          name={name}
          onName={(next) => {
            actions.change(project, { name: next });
            close();
          }}
          onCancel={close}
        />
      ) : (
        <h2>
          {name} {isOpen && <small class="tag">{texts.isOpen}</small>}
        </h2>
      )}
      <p class="soft">{texts.facts(count, made)}</p>
      <label class="choice">
        {texts.task}{' '}
        <select
          value={task}
          onChange={({ currentTarget }) =>
            actions.change(project, { task: currentTarget.value as ProjectTask })
          }
        >
          {TASKS.map((one) => (
            <option key={one} value={one}>
              {texts.tasks[one]}
            </option>
          ))}
        </select>
      </label>
      {form === 'remove' ? (
        <fieldset class="ask" aria-labelledby={`remove-${id}`}>
          <p id={`remove-${id}`}>{texts.removeReally(name, count)}</p>
          <div class="bar">
            <button type="button" class="danger" disabled={busy} onClick={() => actions.remove(project)}>
              {texts.remove}
            </button>
            <button type="button" ref={(button) => button?.focus()} onClick={close}>
              {texts.cancel}
            </button>
          </div>
        </fieldset>
      ) : (
        <div class="bar">
          {!isOpen && (
            <button
              type="button"
              class="primary"
              disabled={busy}
              aria-label={texts.openNamed(name)}
              onClick={() => actions.open(project)}
            >
              {texts.openIt}
            </button>
          )}
          <button type="button" aria-label={texts.renameNamed(name)} onClick={() => setForm('name')}>
            {texts.rename}
          </button>
          <button
            type="button"
            disabled={busy}
            aria-label={texts.saveFileNamed(name)}
            onClick={() => actions.save(project)}
          >
            {texts.saveFile}
          </button>
          <button type="button" aria-label={texts.removeNamed(name)} onClick={() => setForm('remove')}>
            {texts.remove}
          </button>
        </div>
      )}
    </li>
  );
}
