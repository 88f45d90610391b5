import { signal } from '@preact/signals';
import { describeError } from '../page.ts';
import { route } from './router.ts';
import { strings } from './strings.ts';

interface Notice {
  readonly id: number;
  readonly kind: 'info' | 'error';
  readonly text: string;
  /** Where it leads. */
  readonly link?: NoticeLink | undefined;
}

export interface NoticeLink {
  readonly href: string;
  readonly text: string;
}

const notices = signal<readonly Notice[]>([]);
let last = 0;

/** Shows a text until it is closed, or another room is entered, for which what is no error is old; one that is there already is not shown twice. */
export function notify(kind: Notice['kind'], text: string, link?: NoticeLink): void {
  if (notices.value.some((notice) => notice.text === text)) return;
  last += 1;
  notices.value = [...notices.value, { id: last, kind, text, link }];
}

let room = route.peek().room;
route.subscribe((now) => {
  if (now.room === room) return;
  room = now.room;
  notices.value = notices.peek().filter(({ kind }) => kind === 'error');
});

/** Shows what went wrong. */
export const notifyError = (error: unknown): void => notify('error', describeError(error));

const close = (id: number) => {
  notices.value = notices.value.filter((notice) => notice.id !== id);
};

export const Notices = () => (
  <div class="notices" aria-live="polite">
    {notices.value.map(({ id, kind, text, link }) => (
      <p key={id} class={`notice ${kind}`} role={kind === 'error' ? 'alert' : 'status'}>
        {text}
        {link && <a href={link.href}>{link.text}</a>}
        <button type="button" class="plain" aria-label={strings.close} onClick={() => close(id)}>
          ×
        </button>
      </p>
    ))}
  </div>
);
