import { discard, keep, run, running, trainings } from '../../learn/session.ts';
import type { Training } from '../../project/model.ts';
import { hrefOf } from '../../router.ts';
import { readOnly } from '../../state.ts';
import { strings } from '../../strings.ts';
import { cannotTrain } from './cannotTrain.ts';
import { Curves } from './curves.tsx';

const texts = strings.train;

function Item({ training }: { readonly training: Training }) {
  const { name, state, step, settings, reason, model, spent, losses, epochs } = training;
  const isFinished = state === 'finished';
  const busy = running.value !== undefined || readOnly.value;
  const cannotGoOn = busy || cannotTrain.value;
  return (
    <li class="training">
      <details>
        <summary>
          <strong>{name}</strong>{' '}
          <span class="soft">
            {texts.facts(texts.states[state], step, settings.steps)}
            {spent > 0 && `, ${texts.spent(spent)}`}
          </span>
        </summary>
        <Curves task={training.task} losses={losses} epochs={epochs} />
      </details>
      {reason && <p class="problem">{reason}</p>}
      <div class="bar">
        {!isFinished && (
          <button
            type="button"
            disabled={cannotGoOn}
            aria-label={texts.goOnNamed(name)}
            onClick={() => void run(training)}
          >
            {texts.goOn}
          </button>
        )}
        {!isFinished && step > 0 && (
          <button type="button" disabled={busy} onClick={() => void keep(training)}>
            {texts.keep}
          </button>
        )}
        {model !== undefined && (
          <>
            <a class="button" href={hrefOf('try', model)}>
              {texts.tryIt}
            </a>
            <a class="button" href={hrefOf('judge', model)}>
              {texts.judgeIt}
            </a>
          </>
        )}
        <button
          type="button"
          class="plain"
          disabled={busy}
          aria-label={texts.removeNamed(name)}
          onClick={() => {
            if (isFinished || step === 0 || confirm(texts.discardSure(name))) void discard(training);
          }}
        >
          {texts.remove}
        </button>
      </div>
    </li>
  );
}

/** The trainings of the project: those that were interrupted go on. */
export function TrainingList() {
  const others = trainings.value.filter(({ id }) => id !== running.value?.training.id);
  if (others.length === 0) return null;
  return (
    <section aria-label={texts.earlier}>
      <h2>{texts.earlier}</h2>
      <ul class="trainings">
        {others.map((training) => (
          <Item key={training.id} training={training} />
        ))}
      </ul>
    </section>
  );
}
