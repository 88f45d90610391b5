// The studio without a network: every file of the build is kept, and served from here. offline.mjs puts before this
// `const BUILD = { version, files: { 'index.html': 'sha256-…', … } };`. Nothing else is ever kept: no other answer of this host, and none of others.

/* global BUILD */
const { scope } = self.registration;
/** Other studios of this origin, in other folders, have caches of their own. */
const PREFIX = `fovea-studio ${scope} `;
const NAME = PREFIX + BUILD.version;
const INDEX = new URL('index.html', scope).href;
/** What each file's content has to be, by its address. */
const FILES = new Map(Object.entries(BUILD.files).map(([name, hash]) => [new URL(name, scope).href, hash]));

/** The caches of other builds of this studio. */
const others = async () => (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);

async function hashOf(response) {
  const bytes = new Uint8Array(await crypto.subtle.digest('SHA-256', await response.arrayBuffer()));
  return `sha256-${btoa(String.fromCharCode(...bytes))}`;
}

/** A file as another build has it, if it is the same. */
async function keptBefore(url, hash) {
  for (const name of await others()) {
    const kept = await (await caches.open(name)).match(url);
    if (kept && (await hashOf(kept.clone())) === hash) return kept;
  }
  return undefined;
}

/** A file of this build; what has other content than the build says is refused. */
async function fetched(url, hash) {
  const response = await fetch(url, { integrity: hash, cache: 'no-cache' });
  if (!response.ok || response.type !== 'basic')
    throw new Error(`${url}: ${response.status} ${response.type}`);
  // Some hosts lead index.html on to the folder, and browsers take no such answer for a navigation.
  return response.redirected ? new Response(await response.blob(), { headers: response.headers }) : response;
}

/** Keeps all files, or none. */
async function install() {
  try {
    const cache = await caches.open(NAME);
    await Promise.all(
      [...FILES].map(async ([url, hash]) => {
        await cache.put(url, (await keptBefore(url, hash)) ?? (await fetched(url, hash)));
      }),
    );
  } catch (error) {
    await caches.delete(NAME);
    throw error;
  }
}

/** Removes what older builds kept, unless a second tab may still need it. */
async function tidy() {
  const tabs = await self.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (tabs.length > 1) return;
  for (const name of await others()) await caches.delete(name);
}

async function answer(request, url) {
  // Tabs of an older build go on with its files.
  for (const name of FILES.has(url) ? [NAME] : await others()) {
    const kept = await (await caches.open(name)).match(url);
    if (kept) return kept;
  }
  try {
    return await fetch(request);
  } catch (error) {
    if (request.mode === 'navigate') return Response.redirect(scope);
    throw error;
  }
}

self.addEventListener('install', (event) => event.waitUntil(install()));
self.addEventListener('activate', (event) => event.waitUntil(tidy().then(() => self.clients.claim())));
self.addEventListener('message', (event) => {
  // The visitor wants this build now.
  if (event.data === 'activate') event.waitUntil(self.skipWaiting());
  // A page has opened: the tabs of an older build may be gone.
  if (event.data === 'opened') event.waitUntil(tidy());
});
self.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || !url.href.startsWith(scope) || request.headers.has('range')) return;
  url.search = '';
  url.hash = '';
  event.respondWith(answer(request, url.href === scope ? INDEX : url.href));
});
