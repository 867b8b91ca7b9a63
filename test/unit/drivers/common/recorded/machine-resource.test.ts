import t from 'tap'
import {
  failedMachine,
  intendedMachine,
  machineResource,
  madeMachine,
  plannedMachine,
  recordedResources,
  secretKeysOf,
  wasBegun,
  wasCut,
} from '../../../../../src/drivers/common/recorded/machine-resource.js'

const KEYS = ['ApiToken']
const ENDPOINT = { address: '10.0.0.7', engine: { host: '10.0.0.7', port: 2376 }, enginePort: 2376, sans: [] }

t.test('only a create that was begun and did not end was cut', (t) => {
  t.notOk(wasBegun(plannedMachine('web', KEYS)))
  t.ok(wasBegun(intendedMachine('web', KEYS)))
  t.notOk(wasCut(plannedMachine('web', KEYS)))
  t.ok(wasCut(intendedMachine('web', KEYS)))
  t.notOk(wasCut(failedMachine('web', KEYS)))
  t.notOk(wasCut(madeMachine('web', undefined, KEYS)))
  t.ok(wasCut({ kind: 'machine', key: 'web', state: 'intended' }), 'one of an earlier version')
  t.end()
})

for (const [when, resource] of [
  ['before its plugin is started', plannedMachine('web', KEYS)],
  ['while it is made', intendedMachine('web', KEYS)],
  ['when its create failed', failedMachine('web', KEYS)],
  ['when it is made', madeMachine('web', undefined, KEYS)],
] as const)
  t.test(`${when}, which keys hold secrets is known; docker-machine's changes leave that as it is`, (t) => {
    t.same(secretKeysOf([resource]), KEYS)
    const after = recordedResources({ MachineName: 'web' }, [resource])
    t.same(after, [resource])
    t.end()
  })

t.test("where a machine is, docker-machine's record says better than we know", (t) => {
  const [after] = recordedResources({ MachineName: 'web' }, [madeMachine('web', ENDPOINT, KEYS)])
  t.same(after, madeMachine('web', undefined, KEYS))
  t.end()
})

t.test('a record that we never saw is of a machine that is there', (t) => {
  const resources = recordedResources({ MachineName: 'web' }, undefined)
  t.match(machineResource(resources), { key: 'web', state: 'made' })
  t.same(recordedResources({ MachineName: 'web' }, []), [], 'one of which nothing was made stays that')
  t.end()
})
