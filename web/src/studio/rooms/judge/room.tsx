import { useEffect, useLayoutEffect, useMemo, useState } from 'preact/hooks';
import { type DetectorEvaluation, type Mistakes, mistakesAt } from '../../learn/judged.ts';
import { projectModels } from '../../learn/projectModels.ts';
import { isLabelled } from '../../learn/samples.ts';
import { readLists, trainings } from '../../learn/session.ts';
import { NoGpu } from '../../noGpu.tsx';
import { notifyError } from '../../notices.tsx';
import type { SavedModel } from '../../project/model.ts';
import { hrefOf, route } from '../../router.ts';
import { Scrolling } from '../../scrolling.tsx';
import { pictures, project } from '../../state.ts';
import { metricText } from '../../strings/metrics.ts';
import { strings } from '../../strings.ts';
import './judge.css';
import {
  candidates,
  changedSince,
  choose,
  judge,
  type Kept,
  kept,
  keyOf,
  learnedBy,
  running,
  stop,
  view,
  WHICH,
  type Which,
} from './results.ts';
import { ByClass, ConfusionTable, Curve, Totals } from './tables.tsx';
import { Worst } from './worst.tsx';

const texts = strings.judge;

/** The threshold of a detector, and the mistakes that it makes with it. */
function Threshold({ evaluation, mistakes }: { evaluation: DetectorEvaluation; mistakes: Mistakes }) {
  const { best } = evaluation;
  const { threshold, correct, counts } = mistakes;
  const kinds = Object.keys(texts.kinds) as (keyof typeof counts)[];
  const wrong = kinds.reduce((sum, kind) => sum + counts[kind], 0);
  return (
    <section aria-labelledby="judge-mistakes">
      <h2 id="judge-mistakes">{texts.mistakes}</h2>
      <label class="threshold">
        {texts.threshold}{' '}
        <input
          type="range"
          min="0.05"
          max="0.95"
          step="0.01"
          value={threshold}
          onInput={({ currentTarget }) => {
            view.threshold.value = Number(currentTarget.value);
          }}
        />{' '}
        <output>{threshold.toFixed(2)}</output>
      </label>
      {best && <p class="soft">{texts.thresholdMore(best.threshold.toFixed(2))}</p>}
      <p role="status">{texts.atThreshold(correct, wrong)}</p>
      <table>
        <thead>
          <tr>
            <th scope="col">{texts.kind}</th>
            <th scope="col" class="number">
              {texts.number}
            </th>
          </tr>
        </thead>
        <tbody>
          {kinds
            .filter((kind) => counts[kind] > 0)
            .map((kind) => (
              <tr key={kind}>
                <th scope="row">{texts.kinds[kind]}</th>
                <td class="number">{counts[kind].toLocaleString('en')}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}

/** What a model was judged to be. */
function Results({ of, model }: { readonly of: Kept; readonly model: SavedModel }) {
  const { evaluation, marks } = of;
  const [changed, setChanged] = useState(0);
  const all = pictures.value;
  const classes = project.value?.classes;
  useEffect(() => {
    let left = false;
    changedSince(of).then((count) => {
      if (!left) setChanged(count);
    }, notifyError);
    return () => {
      left = true;
    };
  }, [of, all, classes]);
  const threshold = view.threshold.value;
  const mistakes = useMemo(
    () => (evaluation.task === 'detect' ? mistakesAt(evaluation, threshold) : undefined),
    [evaluation, threshold],
  );
  // Where the visitor was before a picture was opened.
  useLayoutEffect(() => {
    const main = document.getElementById('content');
    main?.scrollTo(0, view.scroll);
    document.getElementById(`judged-${view.opened}`)?.focus({ preventScroll: true });
    return () => {
      view.scroll = main?.scrollTop ?? 0;
    };
  }, []);
  const learned = learnedBy(model, projectModels.value ?? [], trainings.value);
  const known = [...marks.keys()].filter((id) => learned.has(id)).length;
  const { leftOut, unknown, spent } = evaluation;
  const confusion = evaluation.task === 'detect' ? mistakes!.confusion : evaluation.confusion;
  return (
    <div class="results">
      <p class="soft">{texts.summary(marks.size, spent / 1000)}</p>
      {changed > 0 && (
        <p class="note warning" role="status">
          {texts.changed(changed)}
        </p>
      )}
      {known > 0 && <p class="note warning">{texts.learned(known, marks.size)}</p>}
      {leftOut > 0 && <p>{texts.leftOut(leftOut)}</p>}
      {unknown.length > 0 && <p>{texts.unknown(unknown.join(', '))}</p>}
      <Totals evaluation={evaluation} />
      <div class="judge-parts">
        <Scrolling class="scroll" label={texts.byClass}>
          <ByClass evaluation={evaluation} />
        </Scrolling>
        {evaluation.task === 'detect' && (
          <section aria-label={texts.curve}>
            <Curve evaluation={evaluation} />
          </section>
        )}
        {evaluation.task === 'detect' && <Threshold evaluation={evaluation} mistakes={mistakes!} />}
        <ConfusionTable confusion={confusion} />
      </div>
      <Worst evaluation={evaluation} model={model.id} mistakes={mistakes} />
    </div>
  );
}

/** Judges the models of the project. */
export function Room() {
  const open = project.value;
  useEffect(() => void readLists().catch(notifyError), [open?.id]);
  if (!open) return <p>{strings.loading}</p>;
  const own = (projectModels.value ?? []).filter((model) => model.project === open.id);
  if (own.length === 0 || !pictures.value.some(isLabelled)) {
    const [text, link, to] =
      own.length === 0
        ? ([texts.noModels, texts.toTrain, 'train'] as const)
        : ([texts.noPictures, texts.toLabels, 'label'] as const);
    return (
      <section class="empty">
        <p>{texts.lead}</p>
        <p>{text}</p>
        <a class="button primary" href={hrefOf(to)}>
          {link}
        </a>
      </section>
    );
  }
  return <Judging own={own} />;
}

function Judging({ own }: { readonly own: readonly SavedModel[] }) {
  const asked = own.find(({ id }) => id === route.value.item)?.id;
  // An address may name the model; another can be chosen then.
  useLayoutEffect(() => {
    if (asked !== undefined) choose({ model: asked });
  }, [asked]);
  const model = own.find(({ id }) => id === view.model.value) ?? own[0]!;
  const training = trainings.value.find(({ id }) => id === model.training);
  const of = (which: Which) => candidates(which, pictures.value, training);
  const which = view.which.value ?? WHICH.find((one) => of(one).length > 0) ?? 'valid';
  const chosen = of(which);
  const key = keyOf(model.id, which);
  const result = kept.value.get(key);
  const now = running.value;
  return (
    <div class="judge">
      <p class="soft">{texts.lead}</p>
      <NoGpu />
      <div class="bar">
        <label>
          {texts.model}{' '}
          <select value={model.id} onChange={({ currentTarget }) => choose({ model: currentTarget.value })}>
            {own.map(({ id, name, metric }) => (
              <option key={id} value={id}>
                {metric ? `${name} (${metricText(metric)})` : name}
              </option>
            ))}
          </select>
        </label>
        <label>
          {texts.which}{' '}
          <select
            value={which}
            onChange={({ currentTarget }) => choose({ which: currentTarget.value as Which })}
          >
            {WHICH.map((one) => (
              <option key={one} value={one}>
                {texts.whiches[one](of(one).length)}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="primary"
          disabled={now !== undefined || chosen.length === 0}
          onClick={() => void judge(model, which, chosen)}
        >
          {result ? texts.again : texts.start}
        </button>
        {now && (
          <>
            <progress value={now.done} max={now.all} aria-label={texts.running(now.done, now.all)} />
            <span class="soft" role="status">
              {now.done === 0 ? texts.beginning : texts.running(now.done, now.all)}
            </span>
            <button type="button" onClick={stop}>
              {texts.stop}
            </button>
          </>
        )}
      </div>
      {chosen.length === 0 && <p>{texts.nonePart}</p>}
      {result && <Results key={key} of={result} model={model} />}
    </div>
  );
}
