// The service worker: it keeps the app's files on the device, so that the app opens at once, without a handshake of the
// board, and without the board. Change this word whenever you change one of the files: devices then fetch all of them anew.
const VERSION = '@VERSION@';
const FILES = ['/', '/app.webmanifest', '/icon.png'];

async function install() {
  const cache = await caches.open(VERSION);
  // One by one. cache.addAll asks for all at the same time, which takes a connection and a handshake for each.
  for (const file of FILES) await cache.add(file);
  await skipWaiting();
}

async function activate() {
  for (const name of await caches.keys()) {
    if (name !== VERSION) await caches.delete(name);
  }
  await clients.claim();
}

// Opening the app shows the kept files. Reloading the page asks the board, and falls back on them.
async function answer(request) {
  const cache = await caches.open(VERSION);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept && request.cache === 'default') return kept;
  try {
    const fresh = await fetch(request);
    if (fresh.ok) await cache.put(request, fresh.clone());
    return fresh;
  } catch (gone) {
    if (kept) return kept;
    throw gone;
  }
}

addEventListener('install', event => event.waitUntil(install()));
addEventListener('activate', event => event.waitUntil(activate()));
addEventListener('fetch', event => {
  // All else, such as /status, goes to the board.
  if (FILES.includes(new URL(event.request.url).pathname)) event.respondWith(answer(event.request));
});
