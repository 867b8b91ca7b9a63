import t from 'tap'
import { withoutProxy } from '../../../src/machine/env.js'
import { naturalOrder } from '../../../src/machine/natural-order.js'

t.test('names sort as people count', async (t) => {
  t.same(['b', 'a10', 'A2', 'a2b', 'a'].sort(naturalOrder), ['a', 'A2', 'a2b', 'a10', 'b'])
})

t.test('proxy exceptions are compared whole', async (t) => {
  t.same(withoutProxy({ NO_PROXY: '10.0.0.12' }, '10.0.0.1'), ['NO_PROXY', '10.0.0.12,10.0.0.1'])
  t.same(withoutProxy({ no_proxy: 'a, 10.0.0.1', NO_PROXY: 'x' }, '10.0.0.1'), ['no_proxy', 'a, 10.0.0.1'])
  t.same(withoutProxy({}, '10.0.0.1'), ['NO_PROXY', '10.0.0.1'])
})
