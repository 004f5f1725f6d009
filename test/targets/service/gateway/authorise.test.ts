import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { authorisePublish, maySucceed, refusalOfSubscribe } from '../../../../targets/service/gateway/authorise.ts';

const device = { certificateId: 'c', thingNames: ['T1', 'T2'] };
const open = { certificateId: '', thingNames: [], open: true };

const PUBLISH: [topic: string, device: string, open: string][] = [
  ['$aws/things/T1/jobs/get', 'service', 'service'],
  ['$aws/things/T2/jobs/J/update', 'service', 'service'],
  ['$aws/things/T1/jobs/nonsense', 'service', 'service'],
  ['$aws/things/T1/jobs/notify', 'nobody', 'nobody'],
  ['$aws/things/T1/jobs/J/update/accepted', 'nobody', 'nobody'],
  ['$aws/things/T1/shadow/update', 'nobody', 'subscribers'],
  ['$aws/things/T3/jobs/get', 'refused', 'service'],
  ['$aws/things/T1', 'nobody', 'subscribers'],
  ['$aws/things/T11/jobs/get', 'refused', 'service'],
  ['$aws/rules/r/t', 'refused', 'subscribers'],
  ['$aws/events/job/J/completed', 'refused', 'refused'],
  ['$SYS/x', 'refused', 'subscribers'],
  ['site/T3/temperature', 'subscribers', 'subscribers'],
];

test('authorisePublish: a device reaches its own things and no other $ topic', () => {
  for (const [topic, byDevice, byOpen] of PUBLISH) {
    assert.is(authorisePublish(device, topic, false).to, byDevice, topic);
    assert.is(authorisePublish(open, topic, false).to, byOpen, topic);
  }
});

const claim = { certificateId: 'k', thingNames: [], claims: ['fleet'] };
const PROVISIONING: [topic: string, claim: boolean, device: boolean, nobodys: boolean][] = [
  ['$aws/certificates/create/json', true, true, false],
  ['$aws/certificates/create-from-csr/cbor', true, true, false],
  ['$aws/provisioning-templates/fleet/provision/json', true, true, false],
  ['$aws/provisioning-templates/other/provision/json', false, true, false],
  ['$aws/provisioning-templates/fleet/provision/xml', false, false, false],
  ['$aws/certificates/create/json/accepted', false, false, false],
  ['$aws/certificates/delete/json', false, false, false],
  ['$aws/things/T1/jobs/get', false, false, false],
  ['$aws/events/job/J/completed', false, false, false],
  ['site/temperature', false, false, false],
];

test('a claim certificate reaches the provisioning topics of its templates and nothing else; one without a thing none', () => {
  for (const [topic, byClaim, byDevice, byNobody] of PROVISIONING) {
    const may = (principal: Parameters<typeof authorisePublish>[0]) =>
      authorisePublish(principal, topic, false).to === 'provisioning';
    assert.equal([may(claim), may(device), may({ ...device, thingNames: [] })], [byClaim, byDevice, byNobody], topic);
    assert.is(authorisePublish(claim, topic, false).to, byClaim ? 'provisioning' : 'refused', topic);
    for (const answer of ['accepted', 'rejected', '+'])
      assert.is(refusalOfSubscribe(claim, `${topic}/${answer}`) === undefined, byClaim, `${topic}/${answer}`);
  }
  for (const filter of [
    '$aws/certificates/#',
    '$aws/certificates/create/json',
    '$aws/certificates/+/json/accepted',
    '+/x',
    'site/#',
    '#',
    '$aws/things/T1/jobs/notify',
  ])
    assert.ok(refusalOfSubscribe(claim, filter), filter);
  assert.is(refusalOfSubscribe(device, '$aws/certificates/create-from-csr/json/accepted'), undefined);
  assert.is(authorisePublish(claim, '$aws/certificates/create/json', true).to, 'refused', 'RETAIN');
});

test('authorisePublish: RETAIN on $aws/ is refused, whoever asks', () => {
  for (const principal of [device, open]) {
    assert.is(authorisePublish(principal, '$aws/things/T1/jobs/get', true).to, 'refused');
    assert.is(authorisePublish(principal, 'site/x', true).to, 'subscribers');
  }
});

const SUBSCRIBE: [filter: string, granted: boolean][] = [
  ['$aws/things/T1/jobs/notify-next', true],
  ['$aws/things/T1/jobs/+/update/+', true],
  ['$aws/things/T1/jobs/#', true],
  ['$aws/things/T2/#', true],
  ['$aws/things/T3/jobs/notify', false],
  ['$aws/things/+/jobs/notify', false],
  ['$aws/things/#', false],
  ['$aws/+/T1/jobs/notify', false],
  ['$aws/#', false],
  ['$aws/events/#', false],
  ['$aws/events/job/J/completed', false],
  ['$SYS/#', false],
  ['$SYS/broker/uptime', false],
  ['$share/g/site/#', false],
  ['#', false],
  ['+/#', false],
  ['+/+/T3/jobs/notify', false],
  ['+/things/T3/jobs/notify', false],
  ['+/thingsome/x', true],
  ['+/temperature', true],
  ['+', true],
  ['site/#', true],
  ['/#', true],
];

test('refusalOfSubscribe: a device hears its own things and all outside $, but not by # or +/ over $aws', () => {
  for (const [filter, granted] of SUBSCRIBE)
    assert.is(refusalOfSubscribe(device, filter) === undefined, granted, filter);
  for (const [filter] of SUBSCRIBE)
    assert.is(refusalOfSubscribe(open, filter) === undefined, !filter.startsWith('$share/'), filter);
});

test('refusalOfSubscribe: a monitor hears events, and nothing else that a device may not', () => {
  const monitor = { ...device, hearsEvents: true };
  for (const [filter, granted] of SUBSCRIBE)
    assert.is(refusalOfSubscribe(monitor, filter) === undefined, granted || filter.startsWith('$aws/events/'), filter);
});

test('maySucceed: the same certificate, one of the same thing, or an open principal', () => {
  assert.ok(maySucceed(device, { certificateId: 'c', thingNames: [] }));
  assert.ok(maySucceed(device, { certificateId: 'd', thingNames: ['T2'] }));
  assert.not(maySucceed(device, { certificateId: 'd', thingNames: ['T3'] }));
  assert.not(maySucceed(device, open));
  assert.ok(maySucceed(open, device));
});

test.run();
