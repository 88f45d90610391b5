import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { theRunner } from '../../learn/models.ts';
import type { Prediction } from '../../learn/predict.ts';
import { followModels, projectModels } from '../../learn/projectModels.ts';
import { notifyError } from '../../notices.tsx';
import { addObjects } from '../../project/edits.ts';
import { hitShape } from '../../project/geometry.ts';
import type { Picture, Point } from '../../project/model.ts';
import { proposalsFor, propose } from '../../project/propose.ts';
import { pictures, project, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import type { LabelSession } from './session.ts';

const texts = strings.labelRoom;

/** What a model is less sure of is not proposed. */
const THRESHOLD = 0.5;
/** Where somebody has clicked there is something: the model may be less sure of it. */
const LEAST_CLICKED = 0.2;

const isUnlabelled = ({ objects, done }: Picture): boolean => objects === 0 && !done;

interface AssistProps {
  readonly session: LabelSession;
  readonly picture: Picture;
}

/** A model of the project proposes objects: for the open picture, or for all that nobody has labelled. Nothing where there is no model. */
export function Assist({ session, picture }: AssistProps) {
  const chosen = useSignal('');
  const doing = useSignal('');
  const said = useSignal('');
  const abort = useRef<AbortController>();
  /** What the model found last: several clicks in a picture need it once. */
  const last = useRef<{ readonly key: string; readonly found: Promise<Prediction> }>();
  useEffect(() => {
    followModels();
    return () => abort.current?.abort();
  }, []);
  useEffect(() => {
    said.value = '';
  }, [picture.id]);

  const models = projectModels.value ?? [];
  const model = models.find(({ id }) => id === chosen.value) ?? models[0];
  const closed = readOnly.value || doing.value !== '';

  /** Proposals for the picture that is open by then come by the editor, so that they can be undone. */
  const proposeIn = async (id: string, { signal }: AbortController, one: Picture): Promise<number> => {
    const isOpen = () => session.shown.peek()?.picture.id === one.id;
    const { props, objects, takeClasses } = session.state;
    const found = await theRunner().predict(id, one.id, { scoreThreshold: THRESHOLD });
    if (signal.aborted) return 0;
    const proposals = isOpen() ? await proposalsFor(one, found, THRESHOLD, objects.peek()) : [];
    const count = isOpen() ? proposals.length : await propose(one, found, THRESHOLD);
    takeClasses(project.value!.classes);
    if (isOpen() && proposals.length > 0) props.peek().onEdit(addObjects(objects.peek(), proposals));
    return count;
  };
  const run = async (work: (abort: AbortController, id: string) => Promise<string>) => {
    if (closed || !model) return;
    abort.current = new AbortController();
    said.value = '';
    try {
      said.value = await work(abort.current, model.id);
    } catch (error) {
      notifyError(error);
    } finally {
      doing.value = '';
    }
  };
  const one = () =>
    run(async (own, id) => {
      doing.value = texts.looking;
      return texts.proposed(await proposeIn(id, own, picture));
    });
  const all = () =>
    run(async (own, id) => {
      const waiting = pictures.value.filter(isUnlabelled);
      let count = 0;
      for (const [i, other] of waiting.entries()) {
        if (own.signal.aborted) break;
        doing.value = texts.lookingAt(i + 1, waiting.length);
        count += await proposeIn(id, own, other);
      }
      return texts.proposed(count);
    });
  /** Labels the object at a place: of those that the model finds there, the one that it is surest of. */
  const clickAt = (at: Point) =>
    run(async (own, id) => {
      doing.value = texts.looking;
      const key = `${id} ${picture.id}`;
      if (last.current?.key !== key) {
        const found = theRunner().predict(id, picture.id, { scoreThreshold: LEAST_CLICKED });
        last.current = { key, found };
        // What failed is asked for again.
        found.catch(() => {
          last.current = undefined;
        });
      }
      const found = await last.current.found;
      if (own.signal.aborted || session.shown.peek()?.picture.id !== picture.id) return texts.nothingThere;
      const { props, objects, takeClasses } = session.state;
      const all = await proposalsFor(picture, found, LEAST_CLICKED, objects.peek());
      const [best] = all
        .filter(({ shape }) => hitShape(shape, at, 0)?.part === 'inside')
        .sort((a, b) => (b.score ?? 0) - (a.score ?? 0));
      takeClasses(project.value!.classes);
      if (!best) return texts.nothingThere;
      const { score: _, ...object } = best;
      props.peek().onEdit(addObjects(objects.peek(), [object]));
      return texts.labelled;
    });
  const canClick = model !== undefined && !readOnly.value;
  useEffect(() => {
    session.onClickAt.value = canClick ? (at) => void clickAt(at) : undefined;
  });
  useEffect(() => {
    const press = (event: KeyboardEvent) => {
      if (event.key !== 'A' || !event.shiftKey || event.ctrlKey || event.altKey || event.metaKey) return;
      if ((event.target as HTMLElement).closest('input, select, textarea, dialog')) return;
      event.preventDefault();
      void one();
    };
    addEventListener('keydown', press);
    return () => removeEventListener('keydown', press);
  });

  if (!model) return null;
  const unlabelled = pictures.value.filter(isUnlabelled).length;
  return (
    <fieldset class="label-assist">
      <legend class="unseen">{texts.assist}</legend>
      <button type="button" disabled={closed} title={texts.proposeHint} onClick={() => void one()}>
        {texts.propose}
      </button>
      {models.length > 1 && (
        <select
          aria-label={texts.assistModel}
          value={model.id}
          onChange={({ currentTarget }) => {
            chosen.value = currentTarget.value;
          }}
        >
          {models.map(({ id, name }) => (
            <option key={id} value={id}>
              {name}
            </option>
          ))}
        </select>
      )}
      {doing.value === '' ? (
        unlabelled > 1 && (
          <button type="button" disabled={closed} onClick={() => void all()}>
            {texts.proposeAll(unlabelled)}
          </button>
        )
      ) : (
        <button type="button" onClick={() => abort.current?.abort()}>
          {texts.stop}
        </button>
      )}
      <span class="soft" role="status">
        {doing.value || said.value}
      </span>
    </fieldset>
  );
}
