
// Messages. Each push must show one, or the browser takes back the permission. Without a text it shows a general one. The
// form is that of Declarative Web Push, which Safari shows without this worker.
async function showMessage(data) {
  let message = { title: '@NAME@', body: 'There is news.' };
  try {
    message = data.json().notification;
  } catch { /* no text, or one that somebody else wrote */ }
  await registration.showNotification(message.title, { body: message.body, tag: 'board', data: { url: message.navigate } });
}

// The app opens from the kept copy, also away from home.
async function openApp(notification) {
  notification.close();
  const [open] = await clients.matchAll({ type: 'window' });
  if (open) return open.focus();
  return clients.openWindow('/');
}

addEventListener('push', event => event.waitUntil(showMessage(event.data)));
addEventListener('notificationclick', event => event.waitUntil(openApp(event.notification)));
