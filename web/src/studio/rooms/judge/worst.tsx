import type {
  Evaluation,
  Judged,
  JudgedClass,
  JudgedDetections,
  JudgedMap,
  Mistakes,
} from '../../learn/judged.ts';
import type { Picture } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { pictures } from '../../state.ts';
import { strings } from '../../strings.ts';
import { type Drawings, detectionDrawings, mapDrawings, Pair, plainDrawings } from './pair.tsx';
import { view } from './results.ts';
import { fixed } from './tables.tsx';

const texts = strings.judge;
const MORE = 12;

interface Shown {
  readonly judged: Judged;
  /** How wrong it is, in words. */
  readonly text: string;
  readonly captions: readonly string[];
  /** What was found is drawn anew where it changes. */
  readonly of: unknown;
  drawings(picture: Picture): Drawings;
}

const BOTH = [texts.labelled, texts.found];

const ofDetections = (judged: JudgedDetections): Shown => ({
  ...{ judged, of: judged, text: texts.wrong(judged.wrong), captions: BOTH },
  drawings: () => detectionDrawings(judged),
});

const ofMap = (judged: JudgedMap, model: string, classNames: readonly string[]): Shown => ({
  ...{ judged, of: judged, text: texts.pictureIou(fixed(judged.iou)), captions: BOTH },
  drawings: (picture) => mapDrawings(model, picture, classNames),
});

const ofClass = (judged: JudgedClass): Shown => ({
  ...{ judged, of: judged, captions: [''] },
  text: texts.pictureClass(judged.label, judged.predicted, Math.round(100 * judged.score)),
  drawings: () => plainDrawings(judged),
});

function shownOf(evaluation: Evaluation, model: string, mistakes: Mistakes | undefined): Shown[] {
  switch (evaluation.task) {
    case 'detect':
      return (mistakes?.pictures ?? []).map(ofDetections);
    case 'segment':
      return evaluation.pictures.map((judged) => ofMap(judged, model, evaluation.classNames));
    case 'classify':
      return evaluation.pictures.map(ofClass);
  }
}

interface WorstProps {
  readonly evaluation: Evaluation;
  readonly model: string;
  /** Of a detector, at the threshold that is chosen. */
  readonly mistakes: Mistakes | undefined;
}

/** The pictures in which the model is most wrong first, each of which leads to its labels. */
export function Worst({ evaluation, model, mistakes }: WorstProps) {
  const sorted = shownOf(evaluation, model, mistakes).sort((a, b) => b.judged.wrong - a.judged.wrong);
  const rows = new Map(pictures.value.map((picture) => [picture.id, picture]));
  const shown = view.shown.value;
  return (
    <section aria-labelledby="judge-worst">
      <h2 id="judge-worst">{texts.worst}</h2>
      <p class="soft">{evaluation.task === 'detect' ? texts.worstMore : texts.worstMaps}</p>
      <ul class="worst">
        {sorted.slice(0, shown).map(({ judged, text, captions, of, drawings }) => {
          const picture = rows.get(judged.picture);
          return (
            <li key={judged.picture}>
              {picture ? (
                <a
                  id={`judged-${picture.id}`}
                  href={hrefOf('label', picture.id)}
                  onClick={() => {
                    view.opened = picture.id;
                  }}
                >
                  <Pair picture={picture} of={of} captions={captions} drawings={drawings(picture)} />
                  <span class="of">
                    <span class="unseen">{texts.mend} </span>
                    <span class="name">{picture.name}</span> <span>{text}</span>
                  </span>
                </a>
              ) : (
                <p>
                  {judged.name}: {texts.gone}
                </p>
              )}
            </li>
          );
        })}
      </ul>
      {sorted.length > shown && (
        <button
          type="button"
          onClick={() => {
            view.shown.value = shown + MORE;
          }}
        >
          {texts.more}
        </button>
      )}
    </section>
  );
}
