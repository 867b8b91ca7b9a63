/** Choices of a user for the engine: in daemon.json as they were typed, or refused. */
import fc from 'fast-check'
import t from 'tap'
import { daemonText, mergeDaemon, parseDaemon } from '../../../provision/plans/daemon-json.js'
import { engineOption } from '../../../provision/plans/engine-flags.js'
import { ENVIRONMENTS, parseEnvironment } from '../../../provision/plans/environment.js'
import type { JsonObject } from '../../../src/contracts/json.js'
import { parseSystemdEnvironment } from '../../helpers/systemd-environment.js'
import {
  checkBounded,
  forAll,
  hostileJson,
  hostileText,
  INHERITED_KEYS,
  pumps,
  refusedOr,
} from '../../helpers/properties.js'

const names = fc.oneof(fc.constantFrom(...INHERITED_KEYS), fc.stringMatching(/^[a-z][a-z-]{0,8}$/))

t.test('an engine option arrives in the form that dockerd takes, or is refused', async (t) => {
  const options = hostileText(
    'log-opt=',
    'default-ulimit=',
    'default-address-pool=',
    'feature=',
    'mtu=',
    'label=',
    'constructor',
    '--',
  )
  await forAll(
    t,
    'any text',
    options,
    (option) => {
      const part = refusedOr(() => engineOption(option))
      if (part === undefined) return
      const text = daemonText(part)
      if (text.includes('null')) return option.includes('null')
      return JSON.stringify(JSON.parse(text)) === JSON.stringify(part)
    },
    {
      examples: [
        'constructor',
        'toString=x',
        'valueOf',
        'default-ulimit=nofile=x',
        'default-address-pool=base=a,size=x',
      ],
    },
  )
  await forAll(t, 'maps', fc.tuple(names, hostileText()), ([name, value]) => {
    const part = engineOption(`log-opt=${name}=${value}`)
    const made = JSON.parse(daemonText(mergeDaemon('{"log-opts":{"a":"b"}}', part, 'x'))) as JsonObject
    const entries = Object.entries(made['log-opts'] as JsonObject)
    const found = entries.find(([key]) => key === name)?.[1]
    return name === 'a' || (found === value && entries.length === 2)
  })
})

t.test("the host's daemon.json keeps all that it says", async (t) => {
  await forAll(t, 'merge', hostileJson('log-opts', 'labels'), (theirs) => {
    const text = JSON.stringify(theirs)
    const existing = refusedOr(() => parseDaemon(text, 'x'))
    if (existing === undefined) return
    const merged = refusedOr(() => mergeDaemon(text, { tls: true }, 'x'))
    if (merged === undefined) return
    for (const [key, value] of Object.entries(existing)) {
      const kept = Object.entries(merged).find(([name]) => name === key)?.[1]
      if (key !== 'tls' && JSON.stringify(kept) !== JSON.stringify(value)) throw new Error(key)
    }
  })
  await forAll(
    t,
    'any text',
    hostileText('{"labels":["a=b"]}'),
    (text) => void refusedOr(() => parseDaemon(text, 'x')),
  )
})

t.test('the environment of the engine is what was typed, or is refused', async (t) => {
  const variable = fc.tuple(fc.stringMatching(/^[A-Za-z_][A-Za-z0-9_]{0,8}$/), hostileText())
  await forAll(t, 'systemd', variable, ([name, value]) => {
    const text = refusedOr(() => ENVIRONMENTS.systemd([`${name}=${value}`]))
    return text === undefined || parseSystemdEnvironment(text)[name] === value
  })
  await forAll(t, 'one line', variable, ([name, value]) => {
    const text = refusedOr(() => ENVIRONMENTS.tsmachine([`${name}=${value}`]))
    return text === undefined || text === `${name}=${value}\n`
  })
  checkBounded(t, 'environment', pumps('A='), (text) => parseEnvironment([`A=${text}`, text]))
  checkBounded(t, 'options', pumps('A='), (text) => engineOption(`log-opt=${text}`))
})
