import { MachineError } from '../../src/contracts/errors.js'
import type { Json, JsonObject } from '../../src/contracts/json.js'

/**
 * How dockerd's flags are spelled in daemon.json (docs of dockerd, "Daemon configuration file"): repeatable flags have
 * plural keys, some are maps, numbers and booleans must not be strings. Flags that are not here are strings of the
 * same name; a flag without a value is `true`.
 */
type FlagShape =
  'bool' | 'int' | { readonly list: string } | { readonly map: string; readonly value?: 'bool' }

const bool = 'bool'
const int = 'int'
const list = (key: string): FlagShape => ({ list: key })
const map = (key: string): FlagShape => ({ map: key })

const SHAPES: Readonly<Record<string, FlagShape>> = {
  'allow-nondistributable-artifacts': list('allow-nondistributable-artifacts'),
  'authorization-plugin': list('authorization-plugins'),
  'cdi-spec-dir': list('cdi-spec-dirs'),
  debug: bool,
  dns: list('dns'),
  'dns-opt': list('dns-opts'),
  'dns-search': list('dns-search'),
  'exec-opt': list('exec-opts'),
  experimental: bool,
  feature: { map: 'features', value: 'bool' },
  icc: bool,
  init: bool,
  'insecure-registry': list('insecure-registries'),
  'ip-forward': bool,
  'ip-masq': bool,
  ip6tables: bool,
  iptables: bool,
  ipv6: bool,
  label: list('labels'),
  'live-restore': bool,
  'log-opt': map('log-opts'),
  'max-concurrent-downloads': int,
  'max-concurrent-uploads': int,
  'max-download-attempts': int,
  mtu: int,
  'network-control-plane-mtu': int,
  'no-new-privileges': bool,
  'node-generic-resource': list('node-generic-resources'),
  'oom-score-adjust': int,
  'raw-logs': bool,
  'registry-mirror': list('registry-mirrors'),
  'selinux-enabled': bool,
  'shutdown-timeout': int,
  'storage-opt': list('storage-opts'),
  'userland-proxy': bool,
}

/** Flags whose value has a form of its own. */
const SPECIAL: Readonly<Record<string, (value: string, option: string) => JsonObject>> = {
  'add-runtime': (value) => ({ runtimes: { [before(value)]: { path: after(value) } } }),
  'default-address-pool': (value, option) => ({ 'default-address-pools': [addressPool(value, option)] }),
  'default-ulimit': (value, option) => ({ 'default-ulimits': { [before(value)]: ulimit(value, option) } }),
  graph: (value) => ({ 'data-root': value }),
  'http-proxy': (value) => ({ proxies: { 'http-proxy': value } }),
  'https-proxy': (value) => ({ proxies: { 'https-proxy': value } }),
  'no-proxy': (value) => ({ proxies: { 'no-proxy': value } }),
}

/** Settings that machines depend on: the engine would not be reachable, or not ours, with other values. */
const OURS: ReadonlySet<string> = new Set([
  'host',
  'hosts',
  'H',
  'tls',
  'tlsverify',
  'tlscacert',
  'tlscert',
  'tlskey',
  'config-file',
  'containerd',
])

/**
 * One `--engine-opt` (`KEY=VALUE` or `KEY`) as a piece of daemon.json.
 * @throws MachineError `usage` naming the option
 */
export function engineOption(option: string): JsonObject {
  const text = option.replace(/^--?/, '')
  const at = text.indexOf('=')
  const key = at < 0 ? text : text.slice(0, at)
  const value = at < 0 ? undefined : text.slice(at + 1)
  if (!/^[A-Za-z][A-Za-z0-9-]*$/.test(key)) throw wrong(option, 'it should look like KEY=VALUE')
  if (OURS.has(key)) throw wrong(option, `tsmachine sets "${key}" itself`)
  const special = Object.hasOwn(SPECIAL, key) ? SPECIAL[key] : undefined
  if (special && value !== undefined) return special(value, option)
  return typed(option, key, value, Object.hasOwn(SHAPES, key) ? SHAPES[key] : undefined)
}

function typed(
  option: string,
  key: string,
  value: string | undefined,
  shape: FlagShape | undefined,
): JsonObject {
  if (value === undefined) {
    if (shape === undefined || shape === 'bool') return { [key]: true }
    throw wrong(option, `"${key}" needs a value`)
  }
  if (shape === undefined) return { [key]: value }
  if (shape === 'bool') return { [key]: toBool(option, value) }
  if (shape === 'int') return { [key]: toInt(option, value) }
  if ('list' in shape) return { [shape.list]: [value] }
  if (!value.includes('=')) throw wrong(option, `"${key}" takes NAME=VALUE`)
  const inner: Json = shape.value === 'bool' ? toBool(option, after(value)) : after(value)
  return { [shape.map]: { [before(value)]: inner } }
}

function toBool(option: string, value: string): boolean {
  if (/^(true|1|t)$/i.test(value)) return true
  if (/^(false|0|f)$/i.test(value)) return false
  throw wrong(option, `"${value}" is neither true nor false`)
}

function toInt(option: string, value: string): number {
  if (/^-?\d{1,9}$/.test(value)) return Number(value)
  throw wrong(option, `"${value}" is not a whole number`)
}

function before(value: string): string {
  return value.split('=', 1)[0] ?? ''
}

function after(value: string): string {
  return value.slice(value.indexOf('=') + 1)
}

function addressPool(value: string, option: string): JsonObject {
  const parts = new Map(value.split(',').map((part) => [before(part), after(part)]))
  return { base: parts.get('base') ?? '', size: toInt(option, parts.get('size') ?? '0') }
}

function ulimit(value: string, option: string): JsonObject {
  const [soft = 0, hard = soft] = after(value)
    .split(':')
    .map((limit) => toInt(option, limit))
  return { Name: before(value), Soft: soft, Hard: hard }
}

function wrong(option: string, why: string): MachineError {
  return new MachineError('usage', `--engine-opt ${option}: ${why}`, {
    hints: ['Options are those of dockerd without the dashes, for example --engine-opt log-driver=local.'],
  })
}
