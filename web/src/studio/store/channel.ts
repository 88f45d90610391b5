/** What tabs tell each other. Nothing in it is taken for more than a hint: what is true is in the database. */
export type Message =
  /** Something of a project was stored; `pictures` are the ids concerned, all of them if it is left out. */
  | {
      readonly type: 'changed';
      readonly project: string;
      readonly what: Change['what'];
      readonly pictures?: readonly string[];
    }
  /** Another tab wants to edit a project. */
  | { readonly type: 'takeOver'; readonly project: string };

/** What another tab has changed in a project. */
export interface Change {
  readonly project: string;
  /** `removed`: the project is gone. */
  readonly what: 'project' | 'pictures' | 'labels' | 'trainings' | 'models' | 'removed';
  /** The pictures concerned; undefined for any of them. */
  readonly pictures?: readonly string[];
}

let channel: BroadcastChannel | undefined;

/** One for the whole tab, so that a tab does not hear itself. */
function own(): BroadcastChannel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined;
  channel ??= new BroadcastChannel('fovea-studio');
  return channel;
}

export const tell = (message: Message): void => own()?.postMessage(message);

/** Calls back for each message of other tabs, until the function that it returns is called. */
export function listen(callback: (message: Message) => void): () => void {
  const from = own();
  const hear = ({ data }: MessageEvent<Message>) => callback(data);
  from?.addEventListener('message', hear);
  return () => from?.removeEventListener('message', hear);
}

/**
 * Learns what other tabs store. The own tab's changes are not told.
 *
 * @param project The id of a project; undefined for all.
 * @returns Ends it.
 */
export const changes = (project: string | undefined, callback: (change: Change) => void): (() => void) =>
  listen((message) => {
    if (message.type !== 'changed' || (project !== undefined && message.project !== project)) return;
    callback({ project: message.project, what: message.what, pictures: message.pictures });
  });
