import t from 'tap'
import { isMachineError } from '../../../src/contracts/errors.js'
import { stateFields } from '../../../src/drivers/common/recorded/machine-resource.js'
import { withDriverState } from '../../../src/store/records.js'
import { jsonObject, stateObject } from '../../../src/util/json-object.js'
import { firstFiles } from '../../helpers/records.js'

const NO_OBJECTS = ['s3cret', '{"token":"s3cret"', '["s3cret"]', '"s3cret"', 'null', '1', '']

t.test('a state that is no JSON object is an error that tells none of it', (t) => {
  const { config } = firstFiles('/s', 'web')
  for (const state of NO_OBJECTS) {
    t.equal(jsonObject(state), undefined)
    t.strictSame(stateFields(state), {})
    for (const [code, read] of [
      ['plugin', () => stateObject(state, 'plugin')],
      ['driver', () => withDriverState(config, state)],
    ] as const)
      try {
        read()
        t.fail('it was taken')
      } catch (error) {
        t.match(error, { code, message: "The driver's state is not a JSON object" })
        t.notMatch(isMachineError(error) && JSON.stringify([error.evidence, error.stack]), /s3cret/)
        t.equal((error as Error).cause, undefined)
      }
  }
  t.end()
})

t.test('any other is taken as it is', (t) => {
  const { config } = firstFiles('/s', 'web')
  t.strictSame(withDriverState(config, '{"a":[1,null]}'), { ...config, Driver: { a: [1, null] } })
  t.strictSame(stateFields('{"a":"b"}'), { a: 'b' })
  t.strictSame(stateFields(undefined), {})
  t.end()
})
