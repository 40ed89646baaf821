// node terminal.js OPTIONS: draws what a program printed in a real terminal
// emulator, xterm.js, and takes a picture of it. OPTIONS is JSON: input and
// output (files), columns, rows, theme ("light" or "dark"), lineHeight (1 if
// left out: no space between lines), crop (true for the terminal only, without
// the page around it), chromium, home.
const fs = require('fs');
const { chromium } = require('playwright-core');

const options = JSON.parse(process.argv[2]);
const themes = {
  light: { background: '#ffffff', foreground: '#1b1b1b' },
  dark: { background: '#101418', foreground: '#e6e6e6' },
};

(async () => {
  const browser = await chromium.launch({
    executablePath: options.chromium, chromiumSandbox: false, env: { ...process.env, HOME: options.home },
    args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--no-first-run'],
  });
  const page = await browser.newPage({ viewport: { width: 1300, height: 1400 } });
  await page.setContent('<body style="margin:0"><div id="terminal"></div>');
  await page.addStyleTag({ path: require.resolve('@xterm/xterm/css/xterm.css') });
  await page.addScriptTag({ path: require.resolve('@xterm/xterm/lib/xterm.js') });
  await page.evaluate(({ text, columns, rows, theme, lineHeight }) => new Promise((drawn) => {
    // The code's half blocks must join: a font for terminals draws them over the whole cell, as terminals themselves do.
    const terminal = new Terminal({ cols: columns, rows, convertEol: true, fontSize: 16, fontFamily: 'DejaVu Sans Mono', theme, lineHeight });
    terminal.open(document.getElementById('terminal'));
    terminal.write(text, () => requestAnimationFrame(() => requestAnimationFrame(drawn)));
  }), { text: fs.readFileSync(options.input, 'utf8'), columns: options.columns, rows: options.rows, theme: themes[options.theme], lineHeight: options.lineHeight || 1 });
  if (options.crop) await page.locator('.xterm-screen').screenshot({ path: options.output });
  else await page.screenshot({ path: options.output });
  await browser.close();
})().catch((e) => { console.error(e.message); process.exit(1); });
