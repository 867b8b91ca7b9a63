import t from 'tap'
import { digestOf, parseManifest } from '../../../src/images/manifest.js'

const sha256 = 'ab'.repeat(32)
const files = [
  { name: 'bootstrap.tar.gz', size: 1, sha256 },
  { name: 'engine.tar.zst', size: 1, sha256 },
]
const bash = { name: 'bash', version: '1:5.2.37-2+b5~x', arch: 'amd64', sha256, sources: ['bash=5.2.37-2'] }
const good = {
  ...{ schema: 1, kind: 'engine', arch: 'amd64', version: '26.1.5-aa1f41a9', engineVersion: '26.1.5' },
  ...{ digest: digestOf(files), files, packages: [bash], inputs: { suite: 'trixie', release: false } },
  sourceDateEpoch: 1_788_259_618,
}

function parse(changes: object): unknown {
  return parseManifest(JSON.stringify({ ...good, ...changes }), 'manifest.json')
}

t.test('a manifest as the builder writes it is read', (t) => {
  t.same(parse({}), good)
  t.same(parse({ packages: [], inputs: {} }), { ...good, packages: [], inputs: {} })
  t.end()
})

t.test('what apt would take for an option or another setting is refused', (t) => {
  const bad: readonly object[] = [
    ...['-oDir::Bin::Methods=/tmp', 'bash', 'bash=1=2', 'bash=', 'a b=1', '../x=1', 7].map((source) => ({
      packages: [{ ...bash, sources: [source] }],
    })),
    ...['trixie\nTrusted: yes', '../../x', '', '-x', 7, ['trixie']].map((suite) => ({ inputs: { suite } })),
  ]
  for (const changes of bad)
    t.throws(() => parse(changes), { code: 'image', message: /is not usable/ }, JSON.stringify(changes))
  t.end()
})

t.test('what a bill of materials could not be made of is refused', (t) => {
  const bad: readonly object[] = [
    ...[
      null,
      1,
      {},
      { ...bash, name: '__proto__' },
      { ...bash, sha256: 'x' },
      { ...bash, sources: 'bash' },
    ].map((entry) => ({ packages: [entry] })),
    ...[undefined, {}, 'bash'].map((packages) => ({ packages })),
    ...[undefined, [], 'trixie'].map((inputs) => ({ inputs })),
    ...[undefined, '1', 1.5, 1e300].map((sourceDateEpoch) => ({ sourceDateEpoch })),
  ]
  for (const changes of bad)
    t.throws(() => parse(changes), { code: 'image', message: /is not usable/ }, JSON.stringify(changes))
  t.end()
})
