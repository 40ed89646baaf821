// Reads and writes messages with http_ece, another implementation of RFC 8188 and RFC 8291. Standard input has a JSON
// array of {private, auth, body}, all in base64url, with private a browser's key; the output has the texts, in base64url,
// as {text, again}: again is the body as http_ece writes that text with the same salt and key of the sender, if private
// and sender are known.
const crypto = require('crypto');
const fs = require('fs');
const ece = require('http_ece');

const bytes = (text) => Buffer.from(text, 'base64url');
const ecdh = (secret) => {
  const curve = crypto.createECDH('prime256v1');
  curve.setPrivateKey(bytes(secret));
  return curve;
};

const answers = JSON.parse(fs.readFileSync(0, 'utf8')).map(({ private: secret, auth, body, sender }) => {
  const text = ece.decrypt(bytes(body), { version: 'aes128gcm', privateKey: ecdh(secret), authSecret: auth });
  const answer = { text: text.toString('base64url') };
  if (sender) {
    answer.again = ece.encrypt(text, {
      version: 'aes128gcm', privateKey: ecdh(sender), dh: ecdh(secret).getPublicKey('base64url'), authSecret: auth, salt: bytes(body).subarray(0, 16).toString('base64url'), rs: 4096,
    }).toString('base64url');
  }
  return answer;
});
console.log(JSON.stringify(answers));
