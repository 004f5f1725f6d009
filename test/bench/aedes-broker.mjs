/**
 * aedes as it comes, over TCP and mutual TLS, and in it a responder that answers each request for the next job.
 *
 *   node aedes-broker.mjs CA CERT KEY     prints { "plain": PORT, "tls": PORT }
 */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes } from 'aedes';

const [ca, cert, key] = process.argv.slice(2).map((file) => readFileSync(file));
const broker = await Aedes.createBroker();
broker.subscribe(
  '$aws/things/+/jobs/$next/get',
  ({ topic, payload }, done) => {
    const { clientToken } = JSON.parse(payload.toString());
    const answer = JSON.stringify({ clientToken, timestamp: Math.floor(Date.now() / 1000) });
    done(); // first: a hundred that waited for a place among the hundred under way would wait for ever
    broker.publish({ cmd: 'publish', topic: `${topic}/accepted`, payload: answer, qos: 1, retain: false }, () => {});
  },
  () => {},
);
const listen = (server) =>
  new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server.address().port)));
const plain = await listen(createServer({ noDelay: true }, broker.handle));
const options = { ca, cert, key, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2', noDelay: true };
const tls = await listen(createTlsServer(options, broker.handle));
console.log(JSON.stringify({ plain, tls }));
