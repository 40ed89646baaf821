// Opens a board's web app in Chromium as a person does, and says what it saw: one JSON object a line on standard output.
// It goes on when a line comes on standard input, so that the test can take the board away in between.
// Options, as JSON in the first argument:
//   chromium    path of the browser
//   home        HOME of the browser, whose .pki/nssdb says what it trusts
//   url         what to open
//   resolve     --host-resolver-rules
//   screenshot  file for a picture of the page, if any
const fs = require('fs');
const os = require('os');
const path = require('path');
const readline = require('readline');
const { chromium } = require('playwright-core');

const options = JSON.parse(process.argv[2]);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'picoca-chromium-'));
const patience = 300000; // for what must come; it only guards against hanging
const say = (line) => console.log(JSON.stringify(line));

// What a page can say of itself. The state is what the app tells of the board, once it knows.
const look = async (page) => {
  await page.waitForFunction(() => !document.querySelector('#state').textContent.startsWith('Asking'), null, { timeout: patience });
  return page.evaluate(() => ({
    title: document.title,
    state: document.querySelector('#state').textContent,
    secure: window.isSecureContext,
    controlled: navigator.serviceWorker.controller !== null,
  }));
};

// The paths that the service worker keeps.
const kept = (page) => page.evaluate(async () => {
  const paths = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) paths.push(new URL(request.url).pathname);
  }
  return paths;
});

const controlled = (page) => page.waitForFunction(() => navigator.serviceWorker.controller !== null, null, { timeout: patience });

// Chromium's own checks of what can become an app on the home screen.
const installable = async (context, page) => {
  const session = await context.newCDPSession(page);
  const { installabilityErrors } = await session.send('Page.getInstallabilityErrors');
  const { errors, data } = await session.send('Page.getAppManifest');
  return { installabilityErrors: installabilityErrors.map((e) => e.errorId), manifestErrors: errors.map((e) => e.message), manifest: JSON.parse(data || '{}') };
};

const steps = async (context, lines) => {
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(m.text()); });
  await page.goto(options.url, { timeout: patience });
  await controlled(page);
  say({ step: 'first', ...await look(page), kept: await kept(page), complaints });
  await lines.next();
  await page.reload({ timeout: patience });
  say({ step: 'reload', ...await look(page) });
  say({ step: 'app', ...await installable(context, page) });
  if (options.screenshot) await page.screenshot({ path: options.screenshot });
  await lines.next(); // the board goes now
  complaints.length = 0;
  await page.reload({ timeout: patience });
  say({ step: 'gone', ...await look(page) });
  const fresh = await context.newPage();
  await fresh.goto(options.url, { timeout: patience });
  say({ step: 'opened', ...await look(fresh) });
};

(async () => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium, chromiumSandbox: false, ignoreHTTPSErrors: false,
    viewport: { width: 390, height: 780 },
    env: { ...process.env, HOME: options.home },
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run', `--host-resolver-rules=${options.resolve}`],
  });
  try {
    await steps(context, readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]());
  } catch (e) {
    say({ step: 'error', error: String(e.message).split('\n')[0] });
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  process.exit();
})();
