import { type Signal, signal, useSignal } from '@preact/signals';
import type { AugmentPreset } from 'fovea/data';
import type { JSX } from 'preact';
import { useEffect, useMemo } from 'preact/hooks';
import { describeError } from '../../../page.ts';
import { NUMBERS, type NumberName } from '../../learn/numbers.ts';
import { projectModels } from '../../learn/projectModels.ts';
import type { Choice, Preset } from '../../learn/recipes.ts';
import { readLists, run } from '../../learn/session.ts';
import { type Plan, theTrainer } from '../../learn/trainer.ts';
import { notifyError } from '../../notices.tsx';
import type { Project, ProjectTask } from '../../project/model.ts';
import { pictures } from '../../state.ts';
import { strings } from '../../strings.ts';
import { cannotTrain } from './cannotTrain.ts';

const texts = strings.train;

interface FieldProps {
  readonly name: NumberName;
  readonly usual: number | undefined;
  readonly value: number | undefined;
  onChange(value: number | undefined): void;
}

const NumberField = ({ name, usual, value, onChange }: FieldProps) => (
  <label class="field">
    {texts[name]}
    <input
      type="number"
      min={NUMBERS[name].least}
      step="any"
      placeholder={usual === undefined ? texts.usual : String(usual)}
      value={value ?? ''}
      onInput={({ currentTarget: { value: text } }) => {
        const number = Number(text);
        onChange(text === '' || !Number.isFinite(number) ? undefined : number);
      }}
    />
  </label>
);

/** What the choice comes to, or what is wrong with it. */
const PlanText = ({ plan, problem }: { readonly plan: Plan | undefined; readonly problem: string }) => (
  <div class="plan" role="status">
    {problem ? (
      <p class="problem">{problem}</p>
    ) : plan ? (
      <p>
        {texts.plan(plan.train, plan.valid, plan.judged)}{' '}
        {texts.settings(plan.settings.steps, plan.settings.cropSize, plan.settings.batchSize)}
        {plan.unlabelled > 0 && ` ${texts.unlabelled(plan.unlabelled)}`}
        {plan.unclear > 0 && ` ${texts.unclear(plan.unclear)}`}
      </p>
    ) : (
      <p class="soft">{texts.planning}</p>
    )}
  </div>
);

/** Milliseconds without a change before the labels are read for a choice. */
const QUIET = 250;

const choices = new Map<string, Signal<Choice>>();

/** What was chosen for a project: it stays while a training runs, and when the visitor is in other rooms. */
function choiceOf({ id, name, task }: Project): Signal<Choice> {
  // The project's task may be changed in between: it is what is chosen then.
  const key = `${id} ${task}`;
  const choice = choices.get(key) ?? signal<Choice>({ name, task, preset: 'small' });
  choices.set(key, choice);
  return choice;
}

/** A new training: what is chosen, what it comes to, and the button that begins it. */
export function TrainingForm({ project }: { readonly project: Project }) {
  const choice = useMemo(() => choiceOf(project), [project.id, project.task]);
  const plan = useSignal<Plan | undefined>(undefined);
  const problem = useSignal('');
  const preview = useSignal<{ readonly url: string; readonly classes: string } | 'making' | undefined>(
    undefined,
  );
  const { task, preset, start, augment } = choice.value;
  const set = (changed: Partial<Choice>) => {
    choice.value = { ...choice.value, ...changed };
  };

  // What is left out follows from the labels: it is asked for whenever the choice or the pictures change.
  const asked = choice.value;
  const labels = pictures.value;
  useEffect(() => {
    let newer = false;
    const timer = setTimeout(() => {
      if (asked.preset === 'weights' && asked.start === undefined) {
        plan.value = undefined;
        problem.value = texts.chooseStart;
        return;
      }
      theTrainer()
        .plan(project.id, asked)
        .then(
          (made) => {
            if (newer) return;
            plan.value = made;
            problem.value = '';
          },
          (error) => {
            if (newer) return;
            plan.value = undefined;
            problem.value = describeError(error);
          },
        );
    }, QUIET);
    return () => {
      newer = true;
      clearTimeout(timer);
    };
  }, [asked, labels, project.id]);

  const forget = () => {
    if (typeof preview.value === 'object') URL.revokeObjectURL(preview.value.url);
    preview.value = undefined;
  };
  useEffect(() => forget, []);
  const show = async () => {
    forget();
    preview.value = 'making';
    try {
      const image = await theTrainer().preview(project.id, choice.value);
      const classes = plan.value?.settings.classNames.join(', ') ?? '';
      preview.value = { url: URL.createObjectURL(image), classes };
    } catch (error) {
      preview.value = undefined;
      notifyError(error);
    }
  };
  const beginning = useSignal(false);
  const begin = async (event: JSX.TargetedEvent) => {
    event.preventDefault();
    // A second click comes before the training runs.
    if (beginning.value) return;
    beginning.value = true;
    try {
      await run(await theTrainer().begin(project.id, choice.value));
    } catch (error) {
      notifyError(error);
    } finally {
      beginning.value = false;
    }
  };
  const addFile = async ({ currentTarget: input }: JSX.TargetedEvent<HTMLInputElement>) => {
    const [file] = input.files ?? [];
    input.value = '';
    if (!file) return;
    try {
      const model = await theTrainer().addWeights(project.id, task, file);
      await readLists();
      set({ start: model.id });
    } catch (error) {
      notifyError(error);
    }
  };
  const presets = useMemo(() => Object.keys(texts.presets) as Preset[], []);

  return (
    <form class="training-form" onSubmit={begin} aria-label={texts.new}>
      <div class="fields">
        <label class="field">
          {texts.name}
          <input
            type="text"
            required
            maxLength={200}
            value={choice.value.name}
            onInput={({ currentTarget }) => set({ name: currentTarget.value })}
          />
        </label>
        <label class="field">
          {texts.task}
          <select
            value={task}
            onChange={({ currentTarget }) =>
              set({ task: currentTarget.value as ProjectTask, model: undefined, start: undefined })
            }
          >
            {Object.entries(texts.tasks).map(([name, text]) => (
              <option key={name} value={name}>
                {text}
              </option>
            ))}
          </select>
        </label>
      </div>
      <fieldset class="presets">
        <legend>{texts.preset}</legend>
        {presets.map((name) => (
          <label key={name} class="preset">
            <input
              type="radio"
              name="preset"
              value={name}
              checked={preset === name}
              onChange={() => set({ preset: name })}
            />
            <span>
              <strong>{texts.presets[name]}</strong>
              <small>{texts.presetHints[name]}</small>
            </span>
          </label>
        ))}
      </fieldset>
      {preset === 'weights' && (
        <div class="bar">
          <label class="choice">
            {texts.start}{' '}
            <select
              value={start ?? ''}
              onChange={({ currentTarget }) => set({ start: currentTarget.value || undefined })}
            >
              <option value="">{texts.chooseStart}</option>
              {(projectModels.value ?? []).map(({ id, name, file }) => (
                <option key={id} value={id}>
                  {name} ({file})
                </option>
              ))}
            </select>
          </label>
          <label class="button">
            {texts.addFile}
            <input type="file" accept=".safetensors,.pth,.pt,.onnx" onChange={addFile} />
          </label>
        </div>
      )}
      <details>
        <summary>{texts.more}</summary>
        <div class="fields">
          <label class="field wide">
            {texts.augment}
            <select
              value={augment ?? 'default'}
              onChange={({ currentTarget }) => set({ augment: currentTarget.value as AugmentPreset })}
            >
              {Object.entries(texts.augments).map(([name, text]) => (
                <option key={name} value={name}>
                  {text}
                </option>
              ))}
            </select>
          </label>
          {(Object.keys(NUMBERS) as NumberName[]).map((name) => (
            <NumberField
              key={name}
              name={name}
              usual={plan.value?.settings[name]}
              value={choice.value[name]}
              onChange={(value) => set({ [name]: value })}
            />
          ))}
        </div>
      </details>
      <PlanText plan={plan.value} problem={problem.value} />
      <div class="bar">
        <button
          type="submit"
          class="primary"
          disabled={
            cannotTrain.value ||
            beginning.value ||
            plan.value === undefined ||
            choice.value.name.trim() === ''
          }
        >
          {texts.begin}
        </button>
        <button
          type="button"
          disabled={plan.value === undefined || preview.value === 'making'}
          onClick={show}
        >
          {preview.value === 'making' ? texts.previewing : texts.preview}
        </button>
      </div>
      {typeof preview.value === 'object' && (
        <img class="shown" src={preview.value.url} alt={texts.previewAlt(preview.value.classes)} />
      )}
    </form>
  );
}
