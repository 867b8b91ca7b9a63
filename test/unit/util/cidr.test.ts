import t from 'tap'
import { callerSource } from '../../../src/machine/access-rules.js'
import { covers, isPrivateAddress, normalCidr } from '../../../src/util/cidr.js'

t.test('networks in their usual form', (t) => {
  const forms: Readonly<Record<string, string | undefined>> = {
    '203.0.113.7': '203.0.113.7/32',
    ' 203.0.113.7/24 ': '203.0.113.0/24',
    '10.255.255.255/9': '10.128.0.0/9',
    '1.2.3.4/0': '0.0.0.0/0',
    '2001:DB8:0:0:0:0:0:1': '2001:db8::1/128',
    '2001:db8:1:2:3:4:5:6/64': '2001:db8:1:2::/64',
    '2001:db8::ffff/127': '2001:db8::fffe/127',
    '::/0': '::/0',
    '::ffff:192.0.2.7': '192.0.2.7/32',
    '::ffff:192.0.2.7/120': '192.0.2.0/24',
    'fe80::1%eth0': 'fe80::1/128',
    '10.0.0.1/33': undefined,
    '::1/129': undefined,
    '10.0.0/8': undefined,
    '10.0.0.0/': undefined,
    '10.0.0.0/-1': undefined,
    'example.com': undefined,
    '': undefined,
  }
  for (const [text, form] of Object.entries(forms)) t.equal(normalCidr(text), form, text)
  t.end()
})

t.test('a network covers its addresses and smaller networks', (t) => {
  t.ok(covers('10.0.0.0/8', '10.200.0.1'))
  t.ok(covers('10.0.0.0/8', '10.200.0.0/16'))
  t.ok(covers('2001:db8::/32', '2001:db8:1::/48'))
  t.notOk(covers('10.0.0.0/16', '10.0.0.0/8'), 'not a larger one')
  t.notOk(covers('10.0.0.0/8', '11.0.0.1'))
  t.notOk(covers('0.0.0.0/0', '2001:db8::1'))
  t.notOk(covers('any', '10.0.0.1'))
  for (const address of ['10.1.2.3', '172.31.0.1', '192.168.7.7', 'fd00::1', '::ffff:10.0.0.1'])
    t.ok(isPrivateAddress(address), address)
  for (const address of ['172.32.0.1', '203.0.113.1', '127.0.0.1', '2001:db8::1', 'web'])
    t.notOk(isPrivateAddress(address), address)
  t.end()
})

t.test('who we are to a host: its subnet where we come in through a private network', (t) => {
  const facts = { clientAddress: '10.1.2.3', hostSubnet: '10.1.0.5/16' }
  t.equal(callerSource(facts, '10.1.0.5'), '10.1.0.0/16')
  t.equal(callerSource(facts, '203.0.113.9'), '10.1.2.3/32', 'by its public address')
  t.equal(callerSource({ clientAddress: '10.1.2.3' }, '10.1.0.5'), '10.1.2.3/32', 'no subnet is known')
  for (const clientAddress of ['0.0.0.0/0', '::/0', '203.0.113.7/1', '', 'any'])
    t.throws(() => callerSource({ clientAddress }, '10.1.0.5'), { code: 'provision' }, clientAddress)
  for (const hostSubnet of ['0.0.0.0/0', '10.0.0.0/1', '10.0.0.0/7'])
    t.equal(callerSource({ clientAddress: '10.1.2.3', hostSubnet }, '10.1.0.5'), '10.1.2.3/32', hostSubnet)
  t.equal(callerSource({ ...facts, clientAddress: '203.0.113.7' }, '10.1.0.5'), '203.0.113.7/32')
  t.throws(() => callerSource({ clientAddress: '' }, 'web'), { code: 'provision', message: /SSH_CONNECTION/ })
  t.end()
})
