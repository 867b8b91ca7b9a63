/** What drivers in processes of their own answer: what the contract has is passed on, anything else is refused by name. */
import fc from 'fast-check'
import t from 'tap'
import { isMachineError } from '../../../../src/contracts/errors.js'
import { checkedAnswer } from '../../../../src/drivers/process/answers.js'
import {
  FACTORY_CALLS,
  STREAM_CALLS,
  SYNC_CALLS,
  UNARY_CALLS,
} from '../../../../src/drivers/process/calls.js'
import { forAll, hostileJson } from '../../../helpers/properties.js'

const RESOURCE = { kind: 'vm', key: 'k', id: '1', tags: { a: 'b' }, state: 'made', attributes: { port: 1 } }
const ENDPOINT = { address: 'a', engine: { host: 'a', port: 2376 }, enginePort: 2376, sans: [] }

const SOUND: readonly (readonly [call: string, value: unknown])[] = [
  ['parse', { ok: true, config: {} }],
  ['parse', { ok: false, faults: ['no token'] }],
  ['userData', undefined],
  ['ownUserData', { text: '#cloud-config' }],
  ['login', { user: 'root', trustFirstUse: false }],
  ['preflight', [{ message: 'no room', hint: 'make room' }]],
  ['states', [{ id: '1', state: '', error: 'gone' }]],
  ['localState', 'Saved'],
  ['restsOn', 'record'],
  ['restsOn', { pid: 1, startTime: '2', bootId: '3' }],
  ['endpoint', ENDPOINT],
  ['endpoint', { ...ENDPOINT, ssh: { host: '::1', port: 22, user: 'docker' }, url: 'tcp://a:1' }],
  ['inventory', [{ resource: RESOURCE, name: 'web', monthlyPrice: { amount: 4, currency: 'EUR' } }]],
  ['forwards', [{ protocol: 'tcp', guestPort: 80, hostPort: 8080, source: 'manual' }]],
  ['create', { type: 'made', resource: RESOURCE }],
  ['remove', { type: 'removed', kind: 'vm', key: 'k', stays: true }],
  ['start', { type: 'progress', text: 'booting', done: 1, total: 2 }],
  ['console', 'login: '],
  ['seal', 'anything, as nobody reads it'],
]

const WRONG: readonly (readonly [call: string, value: unknown, fault: string])[] = [
  ['parse', { ok: true, faults: [] }, 'config is not an object'],
  ['states', {}, 'it is not a list'],
  [
    'states',
    [
      { id: '1', state: 'Running' },
      { id: '2', state: 'up' },
    ],
    '[1].state is not one of "Running", ',
  ],
  ['endpoint', { ...ENDPOINT, engine: { host: 'a', port: 65_536 } }, 'engine.port is not a port'],
  ['endpoint', { ...ENDPOINT, sans: [null] }, 'sans[0] is not a text'],
  ['create', { type: 'constructor', resource: RESOURCE }, 'type is not one of "intent", '],
  [
    'create',
    { type: 'made', resource: { ...RESOURCE, tags: { a: 1 } } },
    'a value of resource.tags is not a text',
  ],
  ['console', 7, 'it is not a text'],
  [
    'describe',
    { name: 'x', summary: 'y', capabilities: {}, flags: [null], has: [] },
    'flags[0] is not an object',
  ],
]

t.test('an answer of the contract is passed on as it is', async (t) => {
  for (const [call, value] of SOUND) t.equal(checkedAnswer('acme', call, value), value, call)
})

t.test('any other is refused with the place of its fault', async (t) => {
  for (const [call, value, fault] of WRONG)
    t.throws(() => checkedAnswer('acme', call, value), {
      code: 'driver',
      message: `The acme driver gave ${call} an answer that the driver contract does not have: ${fault}`,
      hints: ['It is a fault of the acme driver: tell its author.'],
    })
})

t.test(
  'whatever is answered to whatever is asked: it is passed on, or refused without being told',
  async (t) => {
    const calls = [FACTORY_CALLS, SYNC_CALLS, UNARY_CALLS, STREAM_CALLS].flatMap(Object.keys)
    const fields = [
      'id',
      'state',
      'type',
      'resource',
      'engine',
      'ssh',
      'address',
      'config',
      'ok',
      'text',
      'name',
    ]
    const answers = fc.tuple(fc.constantFrom(...calls), hostileJson(...fields))
    await forAll(t, 'answers', answers, ([call, value]) => {
      try {
        if (checkedAnswer('acme', call, value) !== value) throw new Error('it became another')
      } catch (error) {
        if (!isMachineError(error)) throw error
        if (error.message.length > 400) throw new Error(`too long: ${error.message}`)
      }
    })
  },
)
