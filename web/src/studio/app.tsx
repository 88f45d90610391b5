import type { ComponentType } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import { Notices, notifyError } from './notices.tsx';
import { NewVersion } from './offline.tsx';
import { hrefOf, ROOMS, type RoomName, route } from './router.ts';
import { activity, isSaving, project, readOnly, takeOver } from './state.ts';
import { strings } from './strings.ts';

/** Rooms load when they are entered. */
const LOADERS: Readonly<Record<RoomName, () => Promise<{ readonly Room: ComponentType }>>> = {
  pictures: () => import('./rooms/pictures/room.tsx'),
  label: () => import('./rooms/label/room.tsx'),
  train: () => import('./rooms/train/room.tsx'),
  try: () => import('./rooms/try/room.tsx'),
  judge: () => import('./rooms/judge/room.tsx'),
  export: () => import('./rooms/export/room.tsx'),
  verify: () => import('./rooms/verify/room.tsx'),
  projects: () => import('./rooms/projects/room.tsx'),
};

const Nav = () => (
  <nav aria-label={strings.nav}>
    {ROOMS.map((room) => (
      <a key={room} href={hrefOf(room)} aria-current={route.value.room === room ? 'page' : undefined}>
        {strings.rooms[room]}
      </a>
    ))}
  </nav>
);

/** The name of the open project, which leads to all of them, and whether it is stored. */
const OpenProject = () => {
  const open = project.value;
  if (!open) return null;
  return (
    <a
      class="project"
      href={hrefOf('projects')}
      aria-current={route.value.room === 'projects' ? 'page' : undefined}
    >
      <span class="unseen">{strings.projects.open}: </span>
      <span class="name" title={open.name}>
        {open.name}
      </span>
      <small class="soft">{isSaving.value ? strings.saving : strings.saved}</small>
    </a>
  );
};

function Main({ name }: { readonly name: RoomName }) {
  const [loaded, setLoaded] = useState<{ readonly name: RoomName; readonly Room: ComponentType }>();
  const load = LOADERS[name];
  useEffect(() => {
    let left = false;
    load().then(({ Room }) => {
      if (!left) setLoaded({ name, Room });
    }, notifyError);
    return () => {
      left = true;
    };
  }, [name, load]);
  const Room = loaded?.name === name ? loaded.Room : undefined;
  return (
    <main id="content" tabIndex={-1} data-room={name} aria-busy={!Room}>
      <h1>{strings.rooms[name]}</h1>
      {Room ? <Room /> : <p>{strings.loading}</p>}
    </main>
  );
}

/** What goes on in the background, which leads to the room that shows it. */
const Activity = () => {
  const on = activity.value;
  if (!on || route.value.room === on.room) return null;
  return (
    <a class="activity" href={hrefOf(on.room)}>
      {on.text}
    </a>
  );
};

/** Says that another tab edits the project, and offers to edit it here. */
const Elsewhere = () =>
  readOnly.value ? (
    <p class="banner" role="status">
      {strings.elsewhere}
      <button type="button" onClick={() => void takeOver()}>
        {strings.takeOver}
      </button>
    </p>
  ) : null;

export const App = () => (
  <>
    <a class="skip" href="#content">
      {strings.skip}
    </a>
    <header>
      <strong class="brand">{strings.title}</strong>
      <Nav />
      <Activity />
      <OpenProject />
    </header>
    <NewVersion />
    <Elsewhere />
    <Main name={route.value.room} />
    <Notices />
  </>
);
