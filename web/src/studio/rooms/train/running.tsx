import { useComputed } from '@preact/signals';
import { discard, keep, pause, type Running, running } from '../../learn/session.ts';
import { strings } from '../../strings.ts';
import { Curves } from './curves.tsx';

const texts = strings.train;

/** Seconds that are left at the pace so far; undefined until there is one. */
function secondsLeft({ since, losses, training }: Running): number | undefined {
  if (!since || losses.length <= since.step) return undefined;
  const each = (performance.now() - since.time) / 1000 / (losses.length - since.step);
  return each * (training.settings.steps - losses.length);
}

/** The training that runs: how far it is, what it has learned, and the buttons that end it. */
export function RunningTraining() {
  // Curves need not be drawn anew for what is not drawn.
  const losses = useComputed(() => running.value?.losses ?? []);
  const epochs = useComputed(() => running.value?.epochs ?? []);
  const now = running.value;
  if (!now) return null;
  const { training, phase, stopping, imagesPerSecond, pictures } = now;
  const { steps } = training.settings;
  const step = now.losses.length;
  const isStepping = phase.phase === 'training';
  const left = secondsLeft(now);
  const facts = [
    texts.step(step, steps),
    ...(step > 0 ? [texts.loss(now.losses.at(-1)!)] : []),
    ...(isStepping && left !== undefined ? [texts.left(left)] : []),
    ...(isStepping && imagesPerSecond !== undefined ? [texts.rate(imagesPerSecond)] : []),
  ];
  return (
    <section class="running" aria-label={texts.running(training.name)}>
      <h2>{texts.running(training.name)}</h2>
      <progress max={steps} value={step} aria-label={texts.step(step, steps)} />
      <p role="status">
        {stopping ? texts.pausing : texts.phase(texts.phases[phase.phase], phase.done, phase.all)}
      </p>
      <p class="facts">{facts.join(' · ')}</p>
      <div class="bar">
        <button type="button" disabled={stopping} onClick={() => void pause()}>
          {texts.pause}
        </button>
        <button type="button" disabled={stopping || step === 0} onClick={() => void keep(training)}>
          {texts.stop}
        </button>
        <button
          type="button"
          class="plain"
          disabled={stopping}
          onClick={() => {
            if (confirm(texts.discardSure(training.name))) void discard(training);
          }}
        >
          {texts.discard}
        </button>
      </div>
      <Curves task={training.task} losses={losses.value} epochs={epochs.value} />
      {pictures !== undefined && (
        <figure>
          <figcaption>{texts.pictures}</figcaption>
          <img class="shown" src={pictures} alt={texts.picturesAlt(step)} />
        </figure>
      )}
    </section>
  );
}
