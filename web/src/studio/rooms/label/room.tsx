import { useEffect, useMemo } from 'preact/hooks';
import { addObjects } from '../../project/edits.ts';
import { hrefOf, route } from '../../router.ts';
import { changePictures, pictures, project, readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { Assist } from './assist.tsx';
import { Editor } from './editor.tsx';
import { LabelSession } from './session.ts';

const texts = strings.labelRoom;

/** The address of the picture so many places further on, if there is one. */
function neighbour(id: string, by: number): string | undefined {
  const all = pictures.value;
  const next = all[all.findIndex((picture) => picture.id === id) + by];
  return next && hrefOf('label', next.id);
}

function Labelling() {
  const session = useMemo(() => new LabelSession(), []);
  useEffect(() => () => void session.close(), [session]);

  const item = route.value.item;
  const all = pictures.value;
  const picture =
    all.find(({ id }) => id === item) ?? all.find(({ objects, done }) => objects === 0 && !done) ?? all[0];
  const id = picture?.id;
  useEffect(() => {
    if (!picture) return;
    if (picture.id !== item) {
      history.replaceState(null, '', hrefOf('label', picture.id));
      // The same picture from now on: once it is labelled it is no longer the first that is not.
      route.value = { room: 'label', item: picture.id };
    }
    void session.open(picture);
  }, [session, id]);

  const [back, on] = [neighbour(id ?? '', -1), neighbour(id ?? '', 1)];
  useEffect(() => {
    const turn = (event: KeyboardEvent) => {
      const to = event.key === 'PageUp' ? back : event.key === 'PageDown' ? on : undefined;
      if (!to || event.ctrlKey || event.altKey || event.metaKey) return;
      event.preventDefault();
      location.hash = to;
    };
    addEventListener('keydown', turn);
    return () => removeEventListener('keydown', turn);
  }, [back, on]);

  if (!picture) {
    return (
      <section class="empty">
        <p>{texts.none}</p>
        <a class="button primary" href={hrefOf('pictures')}>
          {strings.train.toPictures}
        </a>
      </section>
    );
  }
  const shown = session.shown.value;
  const { props } = session.state;
  const before = session.before.value;
  const copy = () => {
    const copies = before.map((object) => ({ ...object, id: crypto.randomUUID() }));
    props.value.onEdit(addObjects(props.value.objects, copies));
  };
  return (
    <div class="labelling">
      <div class="bar">
        <a class="button" aria-disabled={back === undefined} href={back} title="Page Up">
          {texts.back}
        </a>
        <a class="button" aria-disabled={on === undefined} href={on} title="Page Down">
          {texts.on}
        </a>
        <span class="where" title={picture.name}>
          {texts.place(all.indexOf(picture) + 1, all.length)} · {picture.name}
        </span>
        <label class="choice">
          <input
            type="checkbox"
            checked={picture.done}
            disabled={readOnly.value}
            onChange={({ currentTarget }) =>
              void changePictures([{ id: picture.id, done: currentTarget.checked }])
            }
          />{' '}
          {texts.done}
        </label>
        {all.length > 1 && (
          <button type="button" disabled={before.length === 0 || readOnly.value} onClick={copy}>
            {texts.copy}
          </button>
        )}
        <Assist session={session} picture={picture} />
        <a class="button onward" href={hrefOf('train')}>
          {texts.toTraining}
        </a>
      </div>
      {shown && (
        <Editor
          {...props.value}
          countOf={session.countOf.value}
          onClickAt={session.onClickAt.value}
          image={shown.image}
          width={shown.picture.width}
          height={shown.picture.height}
          readOnly={readOnly.value}
        />
      )}
    </div>
  );
}

/** Labels pictures one after another. Where another project is open, or another tab edited this one, everything begins anew. */
export const Room = () =>
  project.value ? <Labelling key={`${project.value.id} ${readOnly.value}`} /> : <p>{strings.loading}</p>;
