// Opens the app of a board that sends messages in Firefox as a person does, subscribes, and says what it saw: one JSON
// object a line on standard output. It goes on when a line comes on standard input.
// Options, as JSON in the first argument:
//   firefox     path of the browser
//   profile     its profile, whose cert9.db says what it trusts
//   url         what to open; its host is looked up on this computer
//   push        WebSocket URL of the push service
//   screenshot  file for a picture of the page, if any
const readline = require('readline');
const puppeteer = require('puppeteer-core');

const options = JSON.parse(process.argv[2]);
const patience = 300000; // for what must come; it only guards against hanging
const say = (line) => console.log(JSON.stringify(line));
const text = (page, id) => page.$eval(id, (e) => e.textContent);
const has = (page, id, start) => page.waitForFunction((id, start) => document.querySelector(id).textContent.startsWith(start), { timeout: patience }, id, start);

const notifications = async (page) => {
  await page.waitForFunction(async () => (await (await navigator.serviceWorker.ready).getNotifications()).length > 0, { timeout: patience, polling: 200 });
  return page.evaluate(async () => (await (await navigator.serviceWorker.ready).getNotifications()).map((n) => ({ title: n.title, body: n.body, url: n.data.url })));
};

const steps = async (browser, lines) => {
  const page = await browser.newPage();
  await page.setViewport({ width: 390, height: 780 });
  await page.goto(options.url, { timeout: patience });
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null, { timeout: patience });
  await has(page, '#age', 'Measured');
  say({ step: 'open', now: await text(page, '#now') });
  await page.click('#on');
  await has(page, '#on', 'Stop');
  say({ step: 'subscribed', result: await text(page, '#result') });
  await page.click('#test');
  say({ step: 'message', notifications: await notifications(page) });
  if (options.screenshot) await page.screenshot({ path: options.screenshot });
  await lines.next(); // the board goes now
  const fresh = await browser.newPage();
  await fresh.goto(options.url, { timeout: patience });
  await has(fresh, '#age', 'The board does not answer');
  say({ step: 'gone', now: await text(fresh, '#now'), age: await text(fresh, '#age') });
};

(async () => {
  const browser = await puppeteer.launch({
    browser: 'firefox', executablePath: options.firefox, headless: true, userDataDir: options.profile, timeout: patience, protocolTimeout: patience,
    extraPrefsFirefox: {
      'dom.push.serverURL': options.push,
      'dom.push.testing.allowInsecureServerURL': true,
      'dom.push.connection.enabled': true, // off in a browser that is driven by a program
      'alerts.useSystemBackend': false, // that of a desktop
      'permissions.default.desktop-notification': 1,
      'network.dns.localDomains': new URL(options.url).hostname,
    },
  });
  try {
    await steps(browser, readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]());
  } catch (e) {
    say({ step: 'error', error: String(e.message).split('\n')[0] });
  } finally {
    await browser.close();
  }
})();
