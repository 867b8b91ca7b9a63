/** What is written for ssh, from the network, by npm, for VMs, and by the executable. */
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { PackageFiles } from '../../../src/cli/executable/package-files.js'
import type { describeAt } from '../../../src/drivers/package/factory.js'
import { installPackage } from '../../../src/drivers/package/install.js'
import { installedDrivers } from '../../../src/drivers/package/installed.js'
import { machineFiles } from '../../../src/drivers/qemu/layout.js'
import { ensureTemplate, findTemplate, type TemplateNeeds } from '../../../src/drivers/qemu/template.js'
import { ensureTunnel } from '../../../src/machine/engine-tunnel.js'
import { openWithoutSecrets } from '../../../src/machine/open.js'
import { installSshConfig, uninstallSshConfig } from '../../../src/machine/ssh-config.js'
import { writeProgramConfig } from '../../../src/ssh/client-config.js'
import { generateKeyPair } from '../../../src/ssh/key-pair.js'
import { bootId, processStart } from '../../../src/util/process.js'
import { download } from '../../../src/util/download.js'
import { driverDeps } from '../driver-deps.js'
import { factory as fake } from '../../doubles/fake-driver/index.js'
import { machineContext } from '../machine-context.js'
import { firstFiles } from '../records.js'
import type { Seen, WritePath } from '../write-paths.js'

const text = (path: string): string | undefined => (existsSync(path) ? readFileSync(path, 'utf8') : undefined)

/** One of two texts, whole. */
function oneOf(path: string, old: string | undefined, next: string): Seen {
  const found = text(path)
  if (found === next) return 'new'
  if (found === old) return 'old'
  throw new Error(`${path} is neither old nor new: ${found ?? 'it is gone'}`)
}

const [OLD_KEY, NEW_KEY] = ['old', 'new'].map((comment) => generateKeyPair(comment).publicLine) as [
  string,
  string,
]
const pinned = (key: string): string => key.split(' ').slice(0, 2).join(' ')

/** As ssh is told: the pins in force, and a configuration that names them. */
const writeFor = async (dir: string, key: string, port: number): Promise<void> =>
  await writeProgramConfig(join(dir, 'ssh.conf'), [
    {
      ...{ name: 'web', dir, pins: { keys: [pinned(key)] } },
      endpoint: { host: '192.0.2.1', port, user: 'docker' },
    },
  ])

const KERNEL = 'kernel'
const BYTES = Buffer.from('what is served\n'.repeat(500))
const SHA = createHash('sha256').update(BYTES).digest('hex')

async function fetchOnce(to: string): Promise<void> {
  const server = createServer((_, response) => void response.setHeader('etag', '"1"').end(BYTES))
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  try {
    await download({ url: `http://127.0.0.1:${port}/file`, to, sha256: SHA, deadlineMs: 5_000 })
  } finally {
    server.closeAllConnections()
    server.close()
  }
}

const needs = (dir: string): TemplateNeeds => ({
  ...{ key: 'ab'.repeat(8), qemu: '7.2', diskSize: 100 },
  image: { digest: 'd', version: 'v', kernel: join(dir, KERNEL), initramfs: '', engine: '' },
})
const MEMORY = 'memory of nobody'
const DISK = 'a disk that fits it'

async function makeTemplate(dir: string): Promise<void> {
  const deps = { ...driverDeps(dir), cacheDir: join(dir, 'cache') }
  const making = ensureTemplate(
    deps,
    needs(dir),
    (machine) => {
      const files = machineFiles(machine.dir)
      writeFileSync(files.data, DISK, { mode: 0o600 })
      writeFileSync(files.saved, MEMORY, { mode: 0o600 })
      return Promise.resolve(MEMORY.length)
    },
    new AbortController().signal,
  )
  while (!(await making.next()).done);
}

const INDEX = {
  id: 'f'.repeat(16),
  files: ['package.json', 'provision/apply.sh'].map((path) => ({ path, mode: 0o755 })),
}
const inside = (path: string): Buffer => Buffer.from(`inside ${path}\n`)

/** What is given to others is whole wherever it is; the cache is where it should be. */
function placeFiles(dir: string): void {
  const place = new PackageFiles(INDEX, inside).place(join(dir, 'cache'))
  for (const { path } of INDEX.files)
    if (!readFileSync(join(place, path)).equals(inside(path)))
      throw new Error(`${path} is not what is inside`)
}

const PACKAGE = 'tsmachine-driver-acme'
/** Does what npm does, at once. */
const NPM = (version: string): string => `#!/bin/sh
mkdir -p node_modules/${PACKAGE}
printf '{"dependencies":{"${PACKAGE}":"${version}"}}' >package.json
printf '{"packages":{"node_modules/${PACKAGE}":{"version":"${version}","integrity":"sha512-x"}}}' >node_modules/.package-lock.json
printf '{"name":"${PACKAGE}","version":"${version}","main":"index.js"}' >node_modules/${PACKAGE}/package.json
printf 'export const version = "${version}"\\n' >node_modules/${PACKAGE}/index.js
`
const environment = (dir: string): Record<string, string> => ({
  PATH: `${join(dir, 'bin')}:/usr/bin:/bin`,
  HOME: dir,
  TSMACHINE_DATA_DIR: join(dir, 'data'),
})

const DESCRIPTION = {
  ...{
    name: 'acme',
    summary: 'Servers',
    capabilities: fake.capabilities,
    flags: [],
    has: [],
    contract: '1.0.0',
  },
} as unknown as ReturnType<typeof describeAt>

async function installVersion(dir: string, version: string): Promise<void> {
  writeFileSync(join(dir, 'bin', 'npm'), NPM(version), { mode: 0o755 })
  await installPackage(
    { kind: 'registry', name: PACKAGE, text: PACKAGE },
    {
      ...{ env: environment(dir), builtIn: [], signal: new AbortController().signal },
      now: () => new Date(),
      describe: () => DESCRIPTION,
    },
  )
}
/** A machine with a pinned key, whose engine is reached through a helper that seems to run: this process. */
async function withTunnel(dir: string): Promise<void> {
  const { store } = machineContext({ dir })
  const { ledger, config } = firstFiles(store.root, 'web')
  const made = {
    hostKeys: { current: pinned(NEW_KEY), source: 'user' as const, rotated: true },
    engineTunnel: { port: PORT },
    resources: [SERVER],
  }
  await store.create('web', { config, ledger: { ...ledger, ...made } })
  const own = { pid: process.pid, startTime: processStart(process.pid) ?? '', bootId: bootId(), port: PORT }
  writeFileSync(join(store.dir('web'), 'engine-tunnel.run.json'), JSON.stringify(own))
}
const PORT = 29_999
const SERVER = {
  ...{ kind: 'server', key: 'server', id: '1', state: 'made' as const },
  attributes: { address: '192.0.2.1' },
}

const computer = (dir: string): ReturnType<typeof machineContext> =>
  machineContext({ dir, env: { HOME: dir }, factories: { fake } })

/** All of it, or nothing that ssh would look at. */
function sshSeen(dir: string): Seen {
  const own = readFileSync(join(dir, '.ssh', 'config'), 'utf8')
  if (!own.endsWith('Host mine\n')) throw new Error("the user's own lines are lost")
  if (!own.includes('Include')) return 'old'
  for (const path of [join(dir, 'store', 'ssh_config'), join(dir, 'store', 'machines', 'web', 'ssh_config')])
    if (!text(path)?.endsWith('\n')) throw new Error(`${path} is included, and not whole`)
  return 'new'
}

export const PROGRAM_PATHS: readonly WritePath[] = [
  {
    name: 'known_hosts and ssh.conf',
    prepare: async (dir) => await writeFor(dir, OLD_KEY, 22),
    act: async (dir) => await writeFor(dir, NEW_KEY, 2222),
    look: (dir) => {
      const line = (key: string, address: string): string => `tsmachine-host,${address} ${pinned(key)}\n`
      const pins = oneOf(
        join(dir, 'known_hosts'),
        line(OLD_KEY, '192.0.2.1'),
        line(NEW_KEY, '[192.0.2.1]:2222'),
      )
      const config = text(join(dir, 'ssh.conf')) ?? ''
      const [port] = /(?<=Port )\d+/.exec(config) ?? []
      if (!config.endsWith('\n') || port === undefined) throw new Error('half a configuration')
      return pins === 'new' && port === '2222' ? 'new' : 'old'
    },
  },
  {
    name: 'entries for plain ssh',
    prepare: async (dir) => {
      await withTunnel(dir)
      mkdirSync(join(dir, '.ssh'))
      writeFileSync(join(dir, '.ssh', 'config'), 'Host mine\n')
    },
    act: async (dir) => await installSshConfig(computer(dir), { names: [], prefix: 'vm-' }),
    look: sshSeen,
  },
  {
    name: 'the end of entries for plain ssh',
    prepare: async (dir) => {
      await withTunnel(dir)
      mkdirSync(join(dir, '.ssh'))
      writeFileSync(join(dir, '.ssh', 'config'), 'Host mine\n')
      await installSshConfig(computer(dir), { names: [] })
    },
    act: async (dir) => await uninstallSshConfig(computer(dir), []),
    look: (dir) => {
      if (sshSeen(dir) === 'new') return 'old'
      const left = [join(dir, 'store'), join(dir, 'store', 'machines', 'web')].some((each) =>
        existsSync(join(each, 'ssh_config')),
      )
      return left ? 'old' : 'new'
    },
  },
  {
    name: 'the plan of a tunnel',
    prepare: withTunnel,
    act: async (dir) => await ensureTunnel(computer(dir), await openWithoutSecrets(computer(dir), 'web')),
    look: (dir) => {
      const plan = text(join(dir, 'store', 'machines', 'web', 'engine-tunnel.json'))
      if (plan === undefined) return 'old'
      const { port, hostKeys } = JSON.parse(plan) as Record<string, unknown>
      if (port !== PORT || String(hostKeys) !== pinned(NEW_KEY)) throw new Error('half a plan')
      return 'new'
    },
  },
  {
    name: 'a download',
    keeps: /\.part$/,
    forgiving: true,
    prepare: async (dir) => {
      mkdirSync(join(dir, 'downloads'))
      await Promise.resolve(writeFileSync(join(dir, 'downloads', 'file'), 'an older one'))
    },
    act: async (dir) => await fetchOnce(join(dir, 'downloads', 'file')),
    look: (dir) => oneOf(join(dir, 'downloads', 'file'), 'an older one', BYTES.toString()),
  },
  {
    name: 'a template of machines',
    prepare: async (dir) => await Promise.resolve(writeFileSync(join(dir, KERNEL), '')),
    act: makeTemplate,
    look: (dir) => {
      const found = findTemplate(join(dir, 'cache'), needs(dir).key)
      if (!found) return 'old'
      if (text(found.path) !== MEMORY || text(found.disk) !== DISK || found.bytes !== MEMORY.length)
        throw new Error('its memory or disk is not what was saved')
      return 'new'
    },
  },
  {
    name: "the executable's files",
    forgiving: true,
    prepare: async (dir) => await Promise.resolve(placeFiles(dir)),
    act: async (dir) => {
      const file = join(dir, 'cache', 'package', INDEX.id, 'package.json')
      if (existsSync(file)) writeFileSync(file, 'somebody was here')
      await Promise.resolve(placeFiles(dir))
    },
    look: (dir) => {
      placeFiles(dir)
      return 'new'
    },
  },
  {
    name: 'an installed driver package',
    prepare: async (dir) => {
      mkdirSync(join(dir, 'bin'))
      await installVersion(dir, '1.0.0')
    },
    act: async (dir) => await installVersion(dir, '2.0.0'),
    look: (dir) => {
      const [driver] = installedDrivers(environment(dir))
      if (!driver) throw new Error('the driver is lost')
      const seen = oneOf(join(driver.path, 'index.js'), lineOf('1.0.0'), lineOf('2.0.0'))
      if (lineOf(driver.version) !== text(join(driver.path, 'index.js'))) throw new Error('another version')
      return seen
    },
  },
]

const lineOf = (version: string): string => `export const version = "${version}"\n`
