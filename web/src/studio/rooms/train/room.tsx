import { useEffect } from 'preact/hooks';
import { projectModels } from '../../learn/projectModels.ts';
import { isLabelled } from '../../learn/samples.ts';
import { made, readLists, running, unsaved } from '../../learn/session.ts';
import { NoGpu } from '../../noGpu.tsx';
import { notifyError } from '../../notices.tsx';
import { download } from '../../project/saveFile.ts';
import { hrefOf } from '../../router.ts';
import { pictures, project } from '../../state.ts';
import { strings } from '../../strings.ts';
import { TrainingForm } from './form.tsx';
import { TrainingList } from './list.tsx';
import { RunningTraining } from './running.tsx';
import './train.css';

const texts = strings.train;

/** A model that the browser could not store. */
function Unsaved() {
  const file = unsaved.value?.file;
  if (!file) return null;
  return (
    <p class="banner">
      {texts.unsaved}
      <button
        type="button"
        onClick={() => {
          download(file.name, file);
          unsaved.value = undefined;
        }}
      >
        {texts.save}
      </button>
    </p>
  );
}

/** The model that was trained last, and where it leads. */
function Made() {
  const model = projectModels.value?.find(({ id }) => id === made.value?.id);
  if (!model || running.value) return null;
  return (
    <section class="made" role="status">
      <p>{texts.made(model.name)}</p>
      <div class="bar">
        <a class="button primary" href={hrefOf('try', model.id)}>
          {texts.tryIt}
        </a>
        <a class="button" href={hrefOf('judge', model.id)}>
          {texts.judgeIt}
        </a>
        <a class="button" href={hrefOf('export')}>
          {texts.exportIt}
        </a>
      </div>
    </section>
  );
}

/** Trains models on what is labelled. */
export function Room() {
  const open = project.value;
  useEffect(() => void readLists().catch(notifyError), [open?.id]);
  if (!open) return <p>{strings.loading}</p>;
  const labelled = pictures.value.some(isLabelled);
  return (
    <div class="train">
      <NoGpu />
      <Unsaved />
      <Made />
      {running.value ? (
        <RunningTraining />
      ) : labelled ? (
        <>
          <p class="soft">{texts.lead}</p>
          <TrainingForm key={open.id} project={open} />
        </>
      ) : (
        <section class="empty">
          <h2>{texts.first}</h2>
          <p>{texts.lead}</p>
          <a class="button primary" href={hrefOf(pictures.value.length > 0 ? 'label' : 'pictures')}>
            {pictures.value.length > 0 ? texts.toLabels : texts.toPictures}
          </a>
        </section>
      )}
      <TrainingList />
    </div>
  );
}
