// node webkit.js OPTIONS: opens a page in WebKitGTK, Safari's engine, follows the
// link with a text, and prints what the next page says, as JSON:
// {"url": ..., "text": ..., "took": milliseconds}. OPTIONS is JSON: browser (the
// MiniBrowser program), port (free, for the driver), url, link, until (words that
// end the wait for the next page), wait (its longest, in milliseconds), home.
const { spawn } = require('child_process');

const options = JSON.parse(process.argv[2]);
const patience = 300000; // for what must come; it only guards against hanging
const children = [];
const sleep = (ms) => new Promise((r) => setTimeout(r, ms));

function start(program, args, env) {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'ignore'], env: { ...process.env, ...env } });
  children.push(child);
  return child;
}

async function call(method, path, body) {
  const answer = await fetch(`http://127.0.0.1:${options.port}${path}`, { method, body: body && JSON.stringify(body), signal: AbortSignal.timeout(patience) });
  const { value } = await answer.json();
  if (value && value.error) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

async function find(session, using, value) {
  return Object.values(await call('POST', `${session}/element`, { using, value }))[0];
}

async function text(session) {
  return call('GET', `${session}/element/${await find(session, 'css selector', 'body')}/text`);
}

async function walk(session) {
  await call('POST', `${session}/url`, { url: options.url });
  const link = await find(session, 'partial link text', options.link);
  const url = await call('GET', `${session}/element/${link}/attribute/href`);
  const begin = Date.now();
  await call('POST', `${session}/url`, { url }).catch(() => {});
  let said = '';
  while (Date.now() - begin < options.wait && !said.includes(options.until)) {
    await sleep(100);
    said = await text(session).catch(() => '');
  }
  return { url: await call('GET', `${session}/url`), text: said, took: Date.now() - begin };
}

(async () => {
  const display = await new Promise((known) => start('Xvfb', ['-displayfd', '1', '-screen', '0', '800x1000x24'], {}).stdout.once('data', known));
  start('WebKitWebDriver', [`--port=${options.port}`], { DISPLAY: `:${String(display).trim()}`, HOME: options.home, LIBGL_ALWAYS_SOFTWARE: '1', WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS: '1' });
  for (let tries = 0; tries < patience / 100 && !(await call('GET', '/status').catch(() => false)); tries++) await sleep(100);
  const { sessionId } = await call('POST', '/session', { capabilities: { alwaysMatch: { 'webkitgtk:browserOptions': { binary: options.browser, args: ['--automation'] } } } });
  const session = `/session/${sessionId}`;
  console.log(JSON.stringify(await walk(session)));
  await call('DELETE', session).catch(() => {});
})().catch((e) => { console.error(e.message); process.exitCode = 1; }).finally(() => {
  for (const child of children.reverse()) child.kill();
});
