/** What a host says of itself: any answer is read, or refused as one. */
import fc from 'fast-check'
import t from 'tap'
import { checkedFacts, collectFacts, parseFacts } from '../../../provision/facts.js'
import { parseOsRelease } from '../../../provision/os-release.js'
import { hostSpace } from '../../../provision/space.js'
import { hostFlags, longFlags, ownExecStart, parseUnits } from '../../../provision/units.js'
import { firewallFacts } from '../../../provision/firewall-facts.js'
import { familyOf } from '../../../provision/plans/families.js'
import { dockerOptions, withBlock, withoutBlock } from '../../../provision/plans/options-file.js'
import { plan } from '../../../provision/plan.js'
import type { RemoteShell } from '../../../src/contracts/ssh.js'
import { wanted } from '../../helpers/provision-input.js'
import {
  checkBounded,
  forAll,
  hostileJson,
  hostileText,
  pumps,
  refusedOr,
  refusedOrLater,
} from '../../helpers/properties.js'

const KEYS = [
  ...[
    'os_release',
    'arch',
    'kernel',
    'init',
    'user',
    'uid',
    'sudo',
    'hostname',
    'daemon_json',
    'pending',
    'bundles',
  ],
  ...[
    'current_bundle',
    'kernel_has',
    'kernel_modules',
    'cgroup',
    'cgroup_controllers',
    'selinux',
    'iptables',
    'docker_cli',
  ],
  ...[
    'public_cas',
    'docker_group',
    'cloud_init',
    'package_lock',
    'time_sync',
    'containers',
    'swarm',
    'clock',
    'files',
  ],
  ...[
    'connection',
    'subnet',
    'units',
    'unit_text',
    'dockerd',
    'engine_state',
    'engine_version',
    'service_text',
    'mounts',
  ],
  ...[
    'options_path',
    'options_text',
    'df_opt',
    'df_data',
    'data_root',
    'firewalld',
    'ufw',
    'ufw_rules',
    'nft_input',
    'iptables_input',
  ],
]
const said = hostileText(
  ...[
    'systemd',
    'openrc',
    'boot2docker',
    'tsmachine',
    'root',
    'passwordless',
    'known',
    'running',
    'yes',
    'ID=debian\n',
    '\n',
  ],
  ...[
    'Id=docker.service\n',
    'LoadState=loaded\n',
    'ActiveState=active\n',
    '[Service]\n',
    'ExecStart=/usr/bin/dockerd -H fd://\n',
  ],
  ...[
    '-P INPUT DROP\n',
    'chain ip filter INPUT type filter hook input\n',
    'rule tcp dport 22 accept\n',
    'DOCKER_OPTS="',
    '2',
  ],
)

t.test('facts: any document is facts, or is refused as none', async (t) => {
  const documents = fc.dictionary(fc.constantFrom(...KEYS), said, { maxKeys: 12 })
  await forAll(t, 'texts', documents, (document) => {
    const raw = refused(() => checkedFacts(document))
    if (!raw) return
    const facts = parseFacts(raw, 0)
    if (!Number.isFinite(facts.uid) || !Number.isFinite(facts.containers)) throw new Error('no number')
    const state = facts.engine?.state
    if (state !== undefined && !['stopped', 'starting', 'ready'].includes(state))
      throw new Error(String(state))
    familyOf(facts.osRelease)
    refusedOr(() => plan(facts, wanted({}, { env: ['A=b'] })))
  })
})

/** checkedFacts throws a plain Error, which its caller explains. */
function refused<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch {
    return undefined
  }
}

t.test('facts: a host that prints anything is told of, and never believed', async (t) => {
  const answers = fc.oneof(
    hostileText('{"', '"init":"systemd"', '}', '{"init":"constructor"}', '{"uid":1}'),
    hostileJson('init', 'os_release', 'uid').map((value) => JSON.stringify(value)),
  )
  await forAll(
    t,
    'collectFacts',
    answers,
    async (stdout) => {
      const shell = {
        exec: () => Promise.resolve({ stdout, stderr: stdout, code: 0 }),
      } as unknown as RemoteShell
      const facts = await refusedOrLater(() => collectFacts(shell))
      return facts === undefined || typeof facts.init === 'string'
    },
    {
      examples: [
        '{"init":"constructor"}',
        '{"os_release":5}',
        '{"uid":"x"}',
        '{"sudo":"toString"}',
        '[{"a":"b"}]',
      ],
    },
  )
})

t.test(
  'os-release: what was quoted as os-release(5) says comes back; anything else is left out',
  async (t) => {
    const value = hostileText().map((text) => text.replace(/[\n\r\u2028\u2029]/g, ''))
    await forAll(
      t,
      'round trip',
      fc.tuple(fc.stringMatching(/^[A-Z][A-Z0-9_]{0,9}$/), value),
      ([name, given]) => {
        const quoted = given.replace(/["$`\\]/g, '\\$&')
        const text = `# comment\n${name}="${quoted}"\nlower=x\n`
        const found = parseOsRelease(text)
        return found[name] === given && Object.keys(found).length === 1
      },
    )
    await forAll(t, 'any text', said, (text) => {
      for (const [key, found] of Object.entries(parseOsRelease(text)))
        if (!/^[A-Z][A-Z0-9_]*$/.test(key) || typeof found !== 'string') throw new Error(key)
    })
  },
)

t.test("systemd's and other people's texts", async (t) => {
  await forAll(t, 'any text', said, (text) => {
    parseUnits(text)
    hostFlags(ownExecStart(text) ?? '')
    longFlags(text)
    dockerOptions(text)
    const raw = {
      units: text,
      firewalld_ports: text,
      ufw: 'yes',
      ufw_rules: text,
      iptables_input: text,
      nft_input: text,
    }
    firewallFacts(raw)
    const { opt } = hostSpace({ mounts: text, df_opt: text, df_data: text }, '')
    if (!Number.isFinite(opt.freeBytes)) throw new Error(String(opt.freeBytes))
  })
  await forAll(t, 'an ExecStart', said, (text) => {
    const command = text.replace(/[\n\\]/g, ' ').trim()
    return command === '' || ownExecStart(`[Unit]\n[Service]\nExecStart=${command}\n[Install]\n`) === command
  })
  await forAll(t, 'our block', said, (text) => {
    const own = withoutBlock(text)
    const once = withBlock(own, ['X=1'])
    return withBlock(once, ['X=1']) === once && once.startsWith(own)
  })
})

t.test('long texts take no longer than their length', async (t) => {
  const texts = pumps('<port ', 'ExecStart=', '1 1 1% /', '[Service]\nExecStart= ', 'rule ', ' \\\n')
  checkBounded(t, 'os-release', texts, parseOsRelease)
  checkBounded(t, 'a unit', texts, (text) => [
    ownExecStart(`[Service]\nExecStart=${text}`),
    parseUnits(text),
    hostFlags(text),
  ])
  checkBounded(t, 'firewalls', texts, (text) =>
    [
      { firewalld: 'yes', firewalld_ports: text },
      { ufw: 'yes', ufw_rules: text },
      { iptables_input: text, nft_input: text },
    ].map((raw) => firewallFacts(raw as unknown as Record<string, string>)),
  )
  checkBounded(t, 'options', texts, (text) => [dockerOptions(text), withoutBlock(text)])
  checkBounded(t, 'space', texts, (text) => hostSpace({ mounts: text, df_opt: text, df_data: text }, ''))
})
