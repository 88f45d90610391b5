import { computed, effect } from '@preact/signals';
import { render } from 'preact';
import { byId } from '../page.ts';
import { App } from './app.tsx';
import { notifyError } from './notices.tsx';
import { keepOffline } from './offline.tsx';
import { isBehind } from './project/behind.ts';
import { begin, pictures, project, readOnly } from './state.ts';

addEventListener('error', (event) => notifyError(event.error ?? event.message));
addEventListener('unhandledrejection', (event) => notifyError(event.reason));
render(<App />, byId('studio'));
begin().then(keepUp).catch(notifyError);

/** Gives pictures what older studios did not, while their project is open and nobody else edits it. */
function keepUp(): void {
  const behind = computed(() =>
    readOnly.value || !pictures.value.some(isBehind) ? undefined : project.value?.id,
  );
  effect(() => {
    if (behind.value === undefined) return;
    const abort = new AbortController();
    import('./project/catchUp.ts').then((loaded) => loaded.catchUp(abort.signal)).catch(notifyError);
    return () => abort.abort();
  });
}

// A file that misses its room is not to take the page's place.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault());
keepOffline();
