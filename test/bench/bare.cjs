// Node with TLS loaded, and nothing else: what any device in Node starts from.
require('node:tls');
console.log('connected');
setInterval(() => {}, 60_000);
