// Opens the app of a board that sends messages in Chromium, gives its service worker messages as a push service would, and
// says what it saw: one JSON object a line on standard output. It goes on when a line comes on standard input.
// Options, as JSON in the first argument:
//   chromium    path of the browser
//   home        HOME of the browser, whose .pki/nssdb says what it trusts
//   url         what to open
//   resolve     --host-resolver-rules
//   message     what the push service delivers
//   screenshot  start of the names of pictures of the page, light and dark, if any
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { chromium } = require('playwright-core');

const options = JSON.parse(process.argv[2]);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'picoca-chromium-'));
const patience = 300000; // for what must come; it only guards against hanging
const say = (line) => console.log(JSON.stringify(line));
const text = (page, id) => page.$eval(id, (e) => e.textContent);

const axe = async (page) => {
  await page.evaluate(fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8'));
  const { violations } = await page.evaluate(() => window.axe.run());
  return violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target).join(' ')}`);
};

// Delivers a message, again after a while, until the worker shows it; then it is closed.
const shown = async (page, deliver) => {
  for (let i = 0, end = Date.now() + patience; Date.now() < end; i++) {
    if (i % 50 === 0) await deliver();
    const seen = await page.evaluate(async () => {
      const all = await (await navigator.serviceWorker.ready).getNotifications();
      for (const one of all) one.close();
      return all.map((n) => ({ title: n.title, body: n.body, url: n.data.url }));
    });
    if (seen.length > 0) return seen;
    await page.waitForTimeout(100);
  }
  return [];
};

const steps = async (context, lines) => {
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(m.text()); });
  const session = await context.newCDPSession(page);
  const registrations = [];
  session.on('ServiceWorker.workerRegistrationUpdated', (e) => registrations.push(...e.registrations));
  await session.send('ServiceWorker.enable');
  await page.goto(options.url, { timeout: patience });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { timeout: patience });
  await page.waitForFunction(() => document.querySelector('#age').textContent.startsWith('Measured'), null, { timeout: patience });
  const schemes = {};
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme });
    schemes[colorScheme] = await axe(page);
    if (options.screenshot) await page.screenshot({ path: `${options.screenshot}-${colorScheme}.png` });
  }
  say({ step: 'open', now: await text(page, '#now'), complaints: [...complaints, ...schemes.light, ...schemes.dark] });
  const origin = new URL(options.url).origin;
  for (const data of [options.message, '', 'no JSON']) {
    const deliver = () => session.send('ServiceWorker.deliverPushMessage', { origin, registrationId: registrations.at(-1).registrationId, data });
    say({ step: 'message', notifications: await shown(page, deliver) });
  }
  await lines.next(); // the board goes now
  const fresh = await context.newPage();
  await fresh.goto(options.url, { timeout: patience });
  await fresh.waitForFunction(() => document.querySelector('#age').textContent.startsWith('The board does not answer'), null, { timeout: patience });
  say({ step: 'gone', now: await text(fresh, '#now'), age: await text(fresh, '#age') });
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium, chromiumSandbox: false, ignoreHTTPSErrors: false,
    viewport: { width: 390, height: 780 },
    env: { ...process.env, HOME: options.home },
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run', `--host-resolver-rules=${options.resolve}`],
  });
  try {
    await context.grantPermissions(['notifications'], { origin: new URL(options.url).origin });
    await steps(context, readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]());
  } catch (e) {
    say({ step: 'error', error: String(e.message).split('\n')[0] });
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
})();
