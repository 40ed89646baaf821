// Visits https://HOST:PORT/ on loopback: HOST PORT ROOT [CERT KEY].
const fs = require('fs');
const https = require('https');

const [host, port, root, cert, key] = process.argv.slice(2);
const read = (file) => file && fs.readFileSync(file);
const options = { host: '127.0.0.1', port, servername: host, headers: { host }, ca: read(root), cert: read(cert), key: read(key) };
https.get(options, (answer) => answer.pipe(process.stdout)).on('error', (error) => {
  console.error(error.message);
  process.exit(1);
});
