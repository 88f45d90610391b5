import { signal } from '@preact/signals';

/** The rooms in the order of the work. */
export const ROOMS = ['pictures', 'label', 'train', 'try', 'judge', 'export', 'verify'] as const;
/** With the list of projects, to which the name of the open one leads. */
const ALL_ROOMS = [...ROOMS, 'projects'] as const;
export type RoomName = (typeof ALL_ROOMS)[number];

/** Where the visitor is: `#/label/<picture>`. */
export interface Route {
  readonly room: RoomName;
  /** What is open in the room, such as the id of a picture; empty for nothing. */
  readonly item: string;
}

/** The route of an address; what is unknown leads to the pictures. */
export function routeOf(hash: string): Route {
  const [, name = '', item = ''] = hash.split('/');
  const room = ALL_ROOMS.find((known) => known === name);
  try {
    return room ? { room, item: decodeURIComponent(item) } : { room: 'pictures', item: '' };
  } catch {
    return { room: room ?? 'pictures', item: '' };
  }
}

/** The address of a route. */
export const hrefOf = (room: RoomName, item = ''): string =>
  item === '' ? `#/${room}` : `#/${room}/${encodeURIComponent(item)}`;

/** Where a visit begins; `?op=nms` alone leads to the checks, as it always has. */
const first = (): string =>
  location.hash === '' && new URLSearchParams(location.search).has('op') ? hrefOf('verify') : location.hash;

export const route = signal(routeOf(first()));
addEventListener('hashchange', () => {
  route.value = routeOf(location.hash);
});
