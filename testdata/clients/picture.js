// Opens a page in a Chromium with a window, as high and wide as the screen, for a picture of both. It says "ready" once
// the page has its answer from the board, and closes when standard input ends.
// Options, as JSON in the first argument:
//   chromium  path of the browser
//   home      HOME of the browser, whose .pki/nssdb says what it trusts
//   url       what to open
//   resolve   --host-resolver-rules
//   size      "width,height" of the window
const fs = require('fs');
const os = require('os');
const path = require('path');
const { chromium } = require('playwright-core');

const options = JSON.parse(process.argv[2]);
const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'picoca-chromium-'));

(async () => {
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: options.chromium, chromiumSandbox: false, ignoreHTTPSErrors: false, headless: false, viewport: null,
    env: { ...process.env, HOME: options.home },
    // With --test-type, and without --enable-automation, no bar says how the browser was started.
    ignoreDefaultArgs: ['--enable-automation'],
    args: ['--test-type', '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run',
      '--window-position=0,0', `--window-size=${options.size}`, `--host-resolver-rules=${options.resolve}`],
  });
  try {
    const page = context.pages()[0];
    await page.goto(options.url, { timeout: 30000 });
    await page.waitForFunction(() => !document.querySelector('#state').textContent.startsWith('Asking'), null, { timeout: 10000 });
    console.log('ready');
    await new Promise((resolve) => process.stdin.on('close', resolve).resume());
  } catch (e) {
    console.log(String(e.message).split('\n')[0]);
  } finally {
    await context.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
})();
