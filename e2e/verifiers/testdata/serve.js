// Serves one visitor that has an identity of ROOT: CERT KEY ROOT. Prints its
// port first, and then who came.
const fs = require('fs');
const https = require('https');

const [cert, key, ca] = process.argv.slice(2).map((file) => fs.readFileSync(file));
const server = https.createServer({ cert, key, ca, requestCert: true, rejectUnauthorized: true }, (request, answer) => {
  console.log(request.socket.getPeerCertificate().subject.CN);
  answer.setHeader('Connection', 'close');
  answer.end('hello\n', () => server.close());
});
server.on('tlsClientError', (error) => {
  console.error(error.message);
  process.exit(1);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
