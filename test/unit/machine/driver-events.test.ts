import t from 'tap'
import type { Resource } from '../../../src/contracts/record.js'
import { applyEvent } from '../../../src/machine/driver-events.js'

const disk: Resource = { kind: 'disk', key: 'data', state: 'intended' }

t.test('an intent is added, its confirmation replaces it', async (t) => {
  const intended = applyEvent([], { type: 'intent', resource: disk })
  t.strictSame(intended, [disk])
  const made: Resource = { ...disk, state: 'made', id: '/x' }
  t.strictSame(applyEvent(intended ?? [], { type: 'made', resource: made }), [made])
})

t.test('a removal takes out exactly the one named', async (t) => {
  const other: Resource = { kind: 'vm', key: 'data', state: 'made' }
  t.strictSame(applyEvent([disk, other], { type: 'removed', kind: 'disk', key: 'data' }), [other])
  t.strictSame(applyEvent([other], { type: 'removed', kind: 'disk', key: 'data' }), [other])
})

t.test('talk changes nothing', async (t) => {
  t.equal(applyEvent([disk], { type: 'log', level: 'info', text: 'hello' }), undefined)
  t.equal(applyEvent([disk], { type: 'progress', text: 'copying' }), undefined)
})
