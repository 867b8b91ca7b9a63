import { chmodSync, chownSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { Store } from '../../../src/store/store.js'
import { foreignParts, type StoreFault, storeExposure } from '../../../src/store/store-exposure.js'
import { firstFiles } from '../../helpers/records.js'

const OTHER = 65_534
const NEED_ROOT = { skip: process.getuid?.() !== 0 && 'needs root' }

async function storeWithWeb(root: string): Promise<Store> {
  const store = new Store(root)
  await store.create('web', firstFiles(root, 'web'))
  return store
}

t.test('a store that others may read or write is told, with the command that mends it', (t) => {
  const root = t.testdir({ store: {} })
  const dir = join(root, 'store')
  for (const [mode, wanted] of [
    [0o700, undefined],
    [0o755, { level: 'note', text: /Other users may look into/, hint: `chmod -R go= '${dir}'` }],
    [0o711, { level: 'note' }],
    [0o770, { level: 'bad', text: /Other users may write/, hint: `chmod -R go= '${dir}'` }],
    [0o707, { level: 'bad' }],
  ] as const) {
    chmodSync(dir, mode)
    if (wanted) t.match(storeExposure(dir), wanted, mode.toString(8))
    else t.equal(storeExposure(dir), undefined)
  }
  t.equal(storeExposure(join(root, 'none')), undefined)
  t.end()
})

t.test('it is told once, when a machine is worked on, and never to those who only read', async (t) => {
  const { root } = await storeWithWeb(t.testdir())
  chmodSync(root, 0o755)
  const told: StoreFault[] = []
  const store = new Store(root, { exposed: (fault) => void told.push(fault) })
  t.strictSame(store.names(), ['web'])
  store.get('web')
  t.strictSame(told, [])
  for (let round = 0; round < 2; round++) await (await store.lock('web', 'stop web')).release()
  t.equal(told.length, 1)
})

t.test('a store of another user says what to do, to root another thing', NEED_ROOT, async (t) => {
  const { root } = await storeWithWeb(t.testdir())
  chmodSync(root, 0o700)
  chownSync(root, OTHER, OTHER)
  t.match(storeExposure(root), {
    text: /belongs to the user with id 65534, and you are root/,
    hint: `Run it without sudo. To give all of it back: sudo chown -R 65534 '${root}'`,
  })
  const { getuid } = process
  t.teardown(() => (process.getuid = getuid as () => number))
  process.getuid = () => 1_000
  t.match(storeExposure(root), { level: 'bad', text: /who can read its keys/ })
})

t.test(
  'what sudo has left in a store is found, links are looked at by where they lead',
  NEED_ROOT,
  async (t) => {
    const { root } = await storeWithWeb(t.testdir())
    t.equal(foreignParts(root), undefined)
    symlinkSync('/nowhere', join(root, 'machines', 'dangling'))
    t.equal(foreignParts(root), undefined)
    chownSync(join(root, 'machines', 'web'), OTHER, OTHER)
    t.match(foreignParts(root), {
      level: 'bad',
      text: /machines\/web for one/,
      hint: `sudo chown -R 0 '${root}'`,
    })
  },
)
