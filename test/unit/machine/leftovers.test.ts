import t from 'tap'
import type { FoundResource } from '../../../src/contracts/driver.js'
import { firewallsOver } from '../../../src/drivers/common/firewalls-over.js'
import type { AccountPlace } from '../../../src/machine/inventories.js'
import { embeddedLedger } from '../../../src/store/embedded-ledger.js'
import { firstFiles } from '../../helpers/records.js'
import { judge, type Leftover, livingOf, type Scope } from '../../../src/machine/leftovers.js'

const OURS = 'a'.repeat(32)
const THEIRS = 'b'.repeat(32)
const at = {} as unknown as AccountPlace
const NOW = new Date('2026-01-02T00:00:00Z')
const LONG_AGO = '2026-01-01T00:00:00Z'

function thing(kind: string, key: string, store: string, more: Partial<FoundResource> = {}): Leftover {
  const tags = { 'tsmachine-store': store }
  const resource = { kind, key, id: `${kind}-1`, tags, state: 'made' } as const
  return { at, found: { resource, name: key, ...more } }
}

const firewall = (store: string): Leftover =>
  thing('firewall', `tsmachine-${store.slice(0, 8)}-12345678`, store, { shared: true })
const server = (store: string): Leftover =>
  thing('server', 'web', store, { state: 'Running', createdAt: LONG_AGO, uses: ['firewall-1'] })

const scope = (more: Partial<Scope>): Scope => ({
  allStores: true,
  olderThanMs: 3_600_000,
  ids: [],
  now: NOW,
  ...more,
})
const living = livingOf(OURS, [])

t.test('a shared thing named by its id stays while a server of its store needs it', async (t) => {
  for (const store of [THEIRS, THEIRS.slice(0, 8)]) {
    const all = [firewall(store), server(THEIRS)]
    const byId = (): unknown => judge(all, living, scope({ ids: ['firewall-1'] }))
    t.throws(byId, { code: 'exists', message: /firewall-1 is shared, and servers.* left: web/ })
  }
  const alone = [firewall(THEIRS), server(OURS)]
  t.match(judge(alone, living, scope({ ids: ['firewall-1'] })).leftovers, [{ found: { shared: true } }])
})

t.test('a shared thing of unknown age is a leftover of our own store only', async (t) => {
  const all = [firewall(OURS), firewall(THEIRS)]
  const { leftovers, kept } = judge(all, living, scope({}))
  t.strictSame(leftovers, [all[0]])
  t.strictSame(kept, [{ thing: all[1], why: 'age-unknown', by: [] }])
})

t.test('what tells its age in words that mean no time is left alone', (t) => {
  for (const store of [OURS, THEIRS]) {
    const web = { ...server(store), found: { ...server(store).found, createdAt: 'a moment ago' } }
    const { leftovers, kept } = judge([web], living, scope({}))
    t.strictSame(leftovers, [])
    t.strictSame(kept, [{ thing: web, why: 'age-unknown', by: [] }])
  }
  t.end()
})

t.test('why a shared thing stays that no record names', async (t) => {
  const young = { ...server(OURS), found: { ...server(OURS).found, createdAt: NOW.toISOString() } }
  const [web] = [server(OURS)]
  const why = (all: readonly Leftover[], records = living): unknown =>
    judge(all, records, scope({ allStores: false })).kept.map((each) => [
      each.thing.found.name,
      each.why,
      ...each.by.map(({ found }) => found.name),
    ])
  const wall = firewall(OURS)
  t.strictSame(why([wall, web]), [], 'it goes with its last server')
  t.strictSame(why([wall, young]), [
    ['web', 'young'],
    ['tsmachine-aaaaaaaa-12345678', 'needed', 'web'],
  ])
  const fresh = { ...wall, found: { ...wall.found, createdAt: NOW.toISOString() } }
  t.strictSame(why([fresh]), [['tsmachine-aaaaaaaa-12345678', 'young']])
  const broken = { ...living, unreadable: new Set(['db']) }
  t.strictSame(why([wall], broken), [['tsmachine-aaaaaaaa-12345678', 'unreadable']])
  t.strictSame(why([firewall(THEIRS), server(THEIRS)]), [
    ['web', 'other-store'],
    ['tsmachine-bbbbbbbb-12345678', 'other-store', 'web'],
  ])
})

t.test("the firewalls over a server: by id or key, and none of the user's own", async (t) => {
  const inventory = [firewall(THEIRS), server(THEIRS), thing('firewall', 'mine', THEIRS, { shared: true })]
  const found = inventory.map((each) => each.found)
  const over = (...uses: string[]): unknown =>
    firewallsOver({ ...server(THEIRS).found, uses }, found).map(({ resource }) => resource)
  const expected = [{ kind: 'firewall', key: 'tsmachine-bbbbbbbb-12345678', id: 'firewall-1', state: 'made' }]
  t.strictSame(over('firewall-1'), expected)
  t.strictSame(over('tsmachine-bbbbbbbb-12345678', 'mine'), expected)
  t.strictSame(over(), [])
})

t.test('a machine whose ledger is only in the state that another tool keeps is a living one', async (t) => {
  const { ledger, config } = firstFiles('/store', 'web')
  const Driver = { ...config.Driver, Tsmachine: embeddedLedger(ledger) }
  const kept = { name: 'web', dir: '/store/machines/web', config: { ...config, Driver } }
  t.same([...livingOf(OURS, [kept]).machines], [ledger.machineId])
  t.same([...livingOf(OURS, [{ ...kept, config }]).machines], [])
})
