// One TLS connection with the runtime's own TLS, on 127.0.0.1; in Bun that is BoringSSL.
//   bun.js connect PORT HOST ROOT [FOLDER]   with the identity in FOLDER
//   bun.js accept PORT FOLDER [ROOT]         with ROOT, the client must have an identity
// Prints "hello", which the server sends, or why the connection failed.
const tls = require("tls");
const fs = require("fs");
const path = require("path");

const [role, port, ...rest] = process.argv.slice(2);
const pair = (folder) => (folder ? { cert: fs.readFileSync(path.join(folder, "cert.pem")), key: fs.readFileSync(path.join(folder, "key.pem")) } : {});
const end = (text) => {
  console.log(String(text).replaceAll("\n", " "));
  process.exit();
};

if (role === "connect") {
  const [host, root, folder] = rest;
  const socket = tls.connect({ host: "127.0.0.1", port: Number(port), servername: host, ca: fs.readFileSync(root), ...pair(folder) });
  socket.on("data", end);
  socket.on("error", (error) => end(`${error.code} ${error.message}`));
  socket.on("close", () => end("closed"));
} else {
  const [folder, root] = rest;
  const asks = root ? { ca: fs.readFileSync(root), requestCert: true, rejectUnauthorized: false } : {};
  const server = tls.createServer({ ...pair(folder), ...asks }, (socket) => {
    const refused = root && !socket.authorized;
    socket.end(refused ? "" : "hello", () => end(refused ? socket.authorizationError : "hello"));
  });
  server.listen(Number(port), "127.0.0.1", () => console.log("listening"));
}
