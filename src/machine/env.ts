import { MachineError, messageOf } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import { addressOf, machineAddress } from './address.js'
import type { MachineContext } from './context.js'
import { ensureTunnel } from './engine-tunnel.js'
import { openWithoutSecrets } from './open.js'
import { managerUrl } from './swarm.js'

export type Variables = readonly (readonly [name: string, value: string])[]

export interface EnvVariables {
  readonly name: string
  readonly ip: string
  readonly variables: Variables
}

/** Names of the variables that `env` sets, for `env --unset`. */
export const ENV_NAMES = [
  'DOCKER_TLS_VERIFY',
  'DOCKER_HOST',
  'DOCKER_CERT_PATH',
  'DOCKER_MACHINE_NAME',
] as const

const CHECKING = 'Error checking TLS connection: '

/** @throws MachineError `not-running`, `not-found` */
export async function envVariables(
  ctx: MachineContext,
  name: string,
  options: { readonly swarm?: boolean } = {},
): Promise<EnvVariables> {
  const open = await openWithoutSecrets(ctx, name)
  const { record } = open
  // A machine that does not run has no address, and no tunnel then.
  const before = addressOf(open, CHECKING)
  const isLed = record.ledger?.engineTunnel !== undefined
  if (isLed) await ensureTunnel(ctx, open)
  const { ip, url } = isLed ? await machineAddress(ctx, name, CHECKING) : before
  const { dir } = record
  await ctx.store.refreshShellEnv(record)
  return {
    name,
    ip,
    variables: clientVariables({ name, dir, url: options.swarm ? ofManager(record, url) : url }),
  }
}

/** The variables that make a docker client use a machine, in docker-machine's order. */
export function clientVariables(machine: {
  readonly name: string
  readonly dir: string
  readonly url: string
}): Variables {
  return [
    ['DOCKER_TLS_VERIFY', '1'],
    ['DOCKER_HOST', machine.url],
    ['DOCKER_CERT_PATH', machine.dir],
    ['DOCKER_MACHINE_NAME', machine.name],
  ]
}

/** docker-machine checks the connection here; its words stay where there is nothing to connect to. */
function ofManager(record: MachineRecord, url: string): string {
  try {
    return managerUrl(record, url)
  } catch (cause) {
    throw new MachineError('engine', `Error checking TLS connection: ${messageOf(cause)}`, { cause })
  }
}

type Environment = Readonly<Record<string, string | undefined>>

/** The proxy exceptions with the machine's address added; entries are compared whole. */
export function withoutProxy(
  env: Environment,
  ip: string,
  platform: string,
): readonly (readonly [name: string, value: string])[] {
  return proxyNames(env, platform).map((name) => {
    const value = env[name] ?? ''
    const entries = value.split(',').filter((entry) => entry !== '')
    return [name, entries.map(bareAddress).includes(bareAddress(ip)) ? value : [...entries, ip].join(',')]
  })
}

function bareAddress(entry: string): string {
  return entry
    .trim()
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase()
}

/**
 * The variables that hold proxy exceptions: those that are set, for programs differ in which one they read, else
 * `NO_PROXY`. On Windows both names are one variable.
 */
export function proxyNames(env: Environment, platform: string): readonly string[] {
  const set = (platform === 'win32' ? [] : ['no_proxy', 'NO_PROXY']).filter((name) => env[name])
  return set.length > 0 ? set : ['NO_PROXY']
}
