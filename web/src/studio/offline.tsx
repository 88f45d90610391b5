/** The studio without a network, and its new versions: they are offered, and nobody is made to take them. */
import { signal } from '@preact/signals';
import { strings } from './strings.ts';

const texts = strings.offline;

/** What is offered: a new version that waits, or to reload because another tab has taken one. */
const offered = signal<'waiting' | 'taken' | undefined>(undefined);
let waiting: ServiceWorker | undefined;
let accepted = false;

/** Keeps the studio in this browser, once the page has loaded. In browsers that cannot, or do not want to, it needs a network. */
export function keepOffline(): void {
  const container = navigator.serviceWorker as ServiceWorkerContainer | undefined;
  if (!container) return;
  if (document.readyState === 'complete') void keep(container);
  else addEventListener('load', () => void keep(container));
}

async function keep(container: ServiceWorkerContainer): Promise<void> {
  // The first visit gets its worker while it lasts: nothing is new then.
  let had = container.controller !== null;
  container.addEventListener('controllerchange', () => {
    if (accepted) location.reload();
    else if (had) offered.value = 'taken';
    had = true;
  });
  container.controller?.postMessage('opened');
  let registration: ServiceWorkerRegistration;
  try {
    registration = await container.register('./sw.js', { updateViaCache: 'none' });
  } catch {
    return;
  }
  const look = () => {
    if (!registration.waiting || !container.controller) return;
    waiting = registration.waiting;
    offered.value = 'waiting';
  };
  const watch = () => registration.installing?.addEventListener('statechange', look);
  registration.addEventListener('updatefound', watch);
  watch();
  look();
  // A tab that stays open for days asks, too.
  document.addEventListener('visibilitychange', () => {
    if (document.visibilityState === 'visible') registration.update().catch(() => {});
  });
}

function take(): void {
  accepted = true;
  if (offered.value === 'waiting') waiting?.postMessage('activate');
  else location.reload();
}

/** Offers the new version, where there is one. */
export const NewVersion = () =>
  offered.value ? (
    <p class="banner" role="status">
      {texts[offered.value]}
      <button type="button" onClick={take}>
        {texts.reload}
      </button>
      <button
        type="button"
        onClick={() => {
          offered.value = undefined;
        }}
      >
        {texts.later}
      </button>
    </p>
  ) : null;
