// An HTTPS server of Node and nothing else: what any service in Node starts from.
//
//   node bare-https.cjs PORT CERT KEY
const { readFileSync } = require('node:fs');
const { createServer } = require('node:https');

const [port, cert, key] = process.argv.slice(2);
createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (_, response) => response.end('{}')).listen(
  Number(port),
  '127.0.0.1',
);
