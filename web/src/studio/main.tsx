import { render } from 'preact';
import { byId } from '../page.ts';
import { App } from './app.tsx';
import { notifyError } from './notices.tsx';
import { begin } from './state.ts';

addEventListener('error', (event) => notifyError(event.error ?? event.message));
addEventListener('unhandledrejection', (event) => notifyError(event.reason));
render(<App />, byId('studio'));
begin().catch(notifyError);

// A file that misses its room is not to take the page's place.
for (const kind of ['dragover', 'drop']) addEventListener(kind, (event) => event.preventDefault());
