import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { databaseName, isFault, readDatabaseUrl } from '../../../../targets/service/store/databaseUrl.ts';

const address = (text: string, env: NodeJS.ProcessEnv = {}) => {
  const found = readDatabaseUrl(text, env);
  if (isFault(found)) throw new Error(found.fault);
  return found;
};

const fault = (text: string, env: NodeJS.ProcessEnv = {}) => {
  const found = readDatabaseUrl(text, env);
  return isFault(found) ? found.fault : 'none';
};

test('the URL of a database: user, password, host, port, name, percent-encoded or not', () => {
  const found = address('postgres://us%40er:pa%2Fss@db.example:6543/fle%20et?options=-c%20a%3Db');
  assert.is(found.user, 'us@er');
  assert.is(found.password, 'pa/ss');
  assert.equal([found.host, found.port, found.database], ['db.example', 6543, 'fle et']);
  assert.equal([found.sslMode, found.options], ['prefer', '-c a=b']);
  assert.is(address('postgresql://u@[::1]/d').host, '::1');
  assert.is(databaseName(found), 'the database fle et of PostgreSQL at db.example:6543');
});

test('a Unix socket: as host in the query, in the host itself, or from PGHOST', () => {
  const { host, port, user, database } = address('postgres://u@/d?host=/run/postgresql');
  assert.equal([host, port, user, database], ['/run/postgresql', 5432, 'u', 'd']);
  assert.is(address('postgres://u@%2Frun%2Fpg/d').host, '/run/pg');
  assert.is(address('postgres:///d', { PGHOST: '/run/x', PGUSER: 'v', PGPORT: '7000' }).host, '/run/x');
  assert.is(address('postgres:///d').host, 'localhost');
});

test('what the URL says goes before what the environment says', () => {
  const env = { PGHOST: 'h', PGUSER: 'u', PGSSLMODE: 'require', PGSSLROOTCERT: '/ca' };
  const found = address('postgres://v@w/d?sslmode=disable', env);
  assert.equal([found.host, found.user, found.sslMode, found.caFile], ['w', 'v', 'disable', '/ca']);
});

test('a wrong URL is told in one sentence, without its password', () => {
  assert.is(fault('mysql://u:secret@h/d'), "is 'mysql://u:***@h/d': expected postgres://USER@HOST[:PORT]/DATABASE");
  assert.is(
    fault('postgres://u:secret@h'),
    "is 'postgres://u:***@h', which names no database: expected postgres://USER@HOST[:PORT]/DATABASE",
  );
  assert.is(
    fault('postgres://u:se@cret@h:99999/d'),
    "is 'postgres://u:***@h:99999/d': expected postgres://USER@HOST[:PORT]/DATABASE",
  );
  assert.is(fault('postgres://u:%zz@h/d'), "is 'postgres://u:***@h/d': expected two hexadecimal digits behind each %");
  assert.is(
    fault('postgres://u@h/d?password=secret&port=0'),
    "is 'postgres://u@h/d?password=***&port=0': expected a port, 1 to 65535",
  );
  assert.is(
    fault('postgres://u@h/d?sslmode=allow'),
    "has sslmode 'allow': expected disable, prefer, require, verify-ca, verify-full",
  );
  assert.match(fault('postgres://u@h/d?sslmode=verify-ca'), 'without sslrootcert=FILE');
});

test.run();
