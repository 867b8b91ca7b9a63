import t from 'tap'
import { proxyNames, withoutProxy } from '../../../src/machine/env.js'
import { inNaturalOrder } from '../../../src/machine/natural-order.js'

t.test('names sort as people count', async (t) => {
  t.same(inNaturalOrder(['b', 'a10', 'A2', 'a2b', 'a']), ['a', 'A2', 'a2b', 'a10', 'b'])
})

t.test('proxy exceptions are compared whole, in each variable that is set', async (t) => {
  const linux = (env: Record<string, string>, ip = '10.0.0.1'): unknown => withoutProxy(env, ip, 'linux')
  t.same(linux({ NO_PROXY: '10.0.0.12' }), [['NO_PROXY', '10.0.0.12,10.0.0.1']])
  t.same(linux({ no_proxy: 'a, 10.0.0.1' }), [['no_proxy', 'a, 10.0.0.1']])
  t.same(linux({ no_proxy: 'a', NO_PROXY: '' }), [['no_proxy', 'a,10.0.0.1']])
  t.same(linux({ no_proxy: 'a', NO_PROXY: 'b' }), [
    ['no_proxy', 'a,10.0.0.1'],
    ['NO_PROXY', 'b,10.0.0.1'],
  ])
  t.same(linux({}), [['NO_PROXY', '10.0.0.1']])
  t.same(linux({ NO_PROXY: '[FD00::1],x' }, 'fd00::1'), [['NO_PROXY', '[FD00::1],x']])
  t.same(linux({ NO_PROXY: 'fd00::12' }, 'fd00::1'), [['NO_PROXY', 'fd00::12,fd00::1']])
  t.same(withoutProxy({ no_proxy: 'a', NO_PROXY: 'a' }, 'b', 'win32'), [['NO_PROXY', 'a,b']])
  t.same(proxyNames({ no_proxy: 'a' }, 'linux'), ['no_proxy'])
  t.same(proxyNames({}, 'linux'), ['NO_PROXY'])
})
