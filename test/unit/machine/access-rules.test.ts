import t from 'tap'
import { OPEN_AT_CREATION, openedSsh, rulesOf } from '../../../src/machine/access-rules.js'

const HERE = '203.0.113.7/32'
const EVERYBODY = ['0.0.0.0/0', '::/0']

t.test('this computer and whom the user let in reach SSH and the engine', (t) => {
  const sources = ['198.51.100.0/24', HERE]
  const both = [HERE, '198.51.100.0/24']
  t.same(rulesOf({ sources, here: HERE }, {}), { ssh: both, engine: both })
  t.same(rulesOf({ sources: ['any'], here: HERE }, {}), { ssh: EVERYBODY, engine: EVERYBODY })
  t.end()
})

t.test('an engine behind SSH has its port open to nobody, whoever is let in', (t) => {
  const behind = { engineAccess: 'ssh' } as const
  t.same(rulesOf({ sources: [], here: HERE }, behind), { ssh: [HERE], engine: [] })
  t.same(rulesOf({ sources: ['any'] }, behind), { ssh: EVERYBODY, engine: [] })
  t.same(openedSsh(rulesOf({ sources: [], here: HERE }, behind)), { ssh: EVERYBODY, engine: [] })
  t.end()
})

t.test('a new machine has its engine’s port open to nobody until it is known who we are', (t) => {
  t.same(OPEN_AT_CREATION, { ssh: EVERYBODY, engine: [] })
  t.end()
})
