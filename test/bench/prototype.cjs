// The least that a device in Node can be: mutual TLS, CONNECT, one SUBSCRIBE, a sign of life a minute. No check of anything.
//
//   node prototype.cjs HOST PORT CA CERT KEY THING
const { readFileSync } = require('node:fs');
const { connect } = require('node:tls');

const [host, port, ca, cert, key, thingName] = process.argv.slice(2);
const field = (text) => Buffer.concat([Buffer.from([0, text.length]), Buffer.from(text)]);
const packet = (type, ...parts) => {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([type, body.length]), body]);
};
const [caPem, certPem, keyPem] = [ca, cert, key].map((file) => readFileSync(file));
const socket = connect({ host, port, ca: caPem, cert: certPem, key: keyPem, servername: host });
socket.setNoDelay(true);
socket.on('secureConnect', () =>
  socket.write(packet(0x10, field('MQTT'), Buffer.from([4, 0, 0, 60]), field(thingName))),
);
socket.on('data', (bytes) => {
  if (bytes[0] === 0x20)
    socket.write(
      packet(0x82, Buffer.from([0, 1]), field(`$aws/things/${thingName}/jobs/notify-next`), Buffer.from([1])),
    );
  if (bytes[0] === 0x90) console.log('connected');
});
setInterval(() => socket.write(Buffer.from([0xc0, 0])), 60_000);
