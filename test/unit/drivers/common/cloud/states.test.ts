import t from 'tap'
import { stateIn } from '../../../../../src/drivers/common/cloud/states.js'

t.test("a provider's word that the table does not have is no state", (t) => {
  const table = { active: 'Running', off: 'Stopped' } as const
  t.equal(stateIn(table, 'active'), 'Running')
  for (const word of ['hibernating', '', 'constructor', '__proto__', 'toString'])
    t.equal(stateIn(table, word), '', word)
  t.end()
})
