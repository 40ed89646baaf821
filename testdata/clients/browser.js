// A browser that follows commands: one JSON object a line on standard input, one
// answer a line on standard output. Options, as JSON in the first argument:
//   home        HOME of the browser, whose .pki/nssdb says what it trusts
//   resolve     --host-resolver-rules, if any
//   userAgent, width, height, mobile, scripts (false switches JavaScript off)
// An answer is {"value": ...} or {"error": "first line of what went wrong"}.
const fs = require('fs');
const readline = require('readline');
const { chromium } = require('playwright-core');

const options = JSON.parse(process.argv[2]);
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const patience = 300000; // for what must come; it only guards against hanging
const complaints = []; // what the browser's console says against the page

const commands = {
  open: async (page, { url }) => (await page.goto(url, { timeout: patience })).status(),
  click: async (page, { text }) => {
    await page.getByRole('link', { name: text }).first().click({ timeout: patience });
    await page.waitForLoadState('load', { timeout: patience });
    return page.url();
  },
  // Taps past the warning for an untrusted certificate, as people do.
  proceed: async (page) => {
    await page.locator('#details-button').click({ timeout: patience });
    await page.locator('#proceed-link').click({ timeout: patience });
    await page.waitForURL(/^https/, { timeout: patience, waitUntil: 'commit' });
    await page.waitForLoadState('load', { timeout: patience });
    return page.url();
  },
  download: async (page, { text, file }) => {
    const [download] = await Promise.all([
      page.waitForEvent('download', { timeout: patience }),
      page.getByRole('link', { name: text }).first().click({ timeout: patience }),
    ]);
    await download.saveAs(file);
    return download.suggestedFilename();
  },
  text: async (page) => page.locator('body').innerText(),
  // Not window.innerWidth: a phone's grows with a page that is too wide.
  size: async (page) => [await page.evaluate(() => document.documentElement.scrollWidth), page.viewportSize().width],
  resize: async (page, { width }) => page.setViewportSize({ width: Number(width), height: options.height }),
  scheme: async (page, { scheme }) => page.emulateMedia({ colorScheme: scheme }),
  screenshot: async (page, { file }) => { await page.screenshot({ path: file, fullPage: true }); },
  // What a screen has room for, with one dot for each of CSS's.
  view: async (page, { file }) => { await page.screenshot({ path: file, scale: 'css' }); },
  complaints: async () => complaints,
  // Violations of the accessibility rules, worst first: "impact rule: what".
  axe: async (page) => {
    await page.evaluate(axe);
    const found = await page.evaluate(() => window.axe.run());
    return found.violations.map((v) => `${v.impact} ${v.id}: ${v.nodes.map((n) => n.html).join(' | ')}`);
  },
};

(async () => {
  const browser = await chromium.launch({
    executablePath: options.chromium, chromiumSandbox: false, env: { ...process.env, HOME: options.home },
    args: [
      '--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run',
      ...(options.resolve ? [`--host-resolver-rules=${options.resolve}`] : []),
    ],
  });
  const context = await browser.newContext({
    userAgent: options.userAgent, viewport: { width: options.width, height: options.height }, deviceScaleFactor: 2,
    isMobile: options.mobile, hasTouch: options.mobile, javaScriptEnabled: options.scripts, ignoreHTTPSErrors: false,
  });
  const page = await context.newPage();
  page.on('console', (m) => { if (['error', 'warning'].includes(m.type())) complaints.push(m.text()); });
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const command = JSON.parse(line);
    let answer;
    try {
      answer = { value: await commands[command.do](page, command) };
    } catch (e) {
      answer = { error: String(e.message).split('\n')[0] };
    }
    console.log(JSON.stringify(answer));
  }
  await browser.close();
})().catch((e) => { console.error(e.message); process.exit(1); });
