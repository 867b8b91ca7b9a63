/** What a plugin tells of a machine that it has made. */
import { existsSync } from 'node:fs'
import type { Clock } from '../../contracts/clock.js'
import type { DriverMachine, Endpoint, KeyLogin, StateReport } from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import type { MachineState } from '../../contracts/state.js'
import { pending, waitFor } from '../../util/wait.js'
import { knownDriver } from '../common/recorded/known.js'
import { hasSsh, type PluginIdentity } from './identity.js'
import type { Lease } from './sessions.js'
import { PLUGIN_STATES, PluginError } from './wire/plugin-api.js'

const ENGINE_PORT = 2376
const SSH_PORT = 22
/** docker-machine waits for a state this long at most. */
const SETTLE_MS = 300_000

/** A machine's state now. A number that no version of the protocol has is no state. */
export async function stateOf(lease: Lease, signal: AbortSignal): Promise<MachineState> {
  const state = PLUGIN_STATES[await lease.call('GetState', undefined, signal)] ?? 'None'
  return state === 'None' ? '' : state
}

/**
 * What `ls` shows, asked as docker-machine's does: one that tells a URL runs, and only others are asked for their state.
 * @param known where our record has it
 */
export async function glanceAt(
  { id }: Pick<DriverMachine, 'id'>,
  known: Endpoint | undefined,
  lease: Lease,
  signal: AbortSignal,
): Promise<StateReport> {
  const url = await told(lease.call('GetURL', undefined, signal))
  if (url === '') return { id, state: await stateOf(lease, signal) }
  const address = addressIn(url, known)
  return { id, state: 'Running', ...(address === '' ? {} : { address }) }
}

/** The host of a URL; in the words of our record where it means the same: `none` has the port in its address. */
export function addressIn(url: string, known: Endpoint | undefined): string {
  const { host } = engineOf(url, '')
  if (!known || host === '') return host
  const isKnown = host === known.engine.host || [host, new URL(url).host].includes(known.address)
  return isKnown ? known.address : host
}

/** Plugins may answer a change before the machine is there. @throws MachineError `timeout`, or `driver` when it went wrong */
export async function waitForState(
  name: string,
  lease: Lease,
  wanted: 'Running' | 'Stopped',
  { signal, clock }: { readonly signal: AbortSignal; readonly clock: Clock },
): Promise<void> {
  const reached = new Set<MachineState>(wanted === 'Stopped' ? ['Stopped', 'Saved', ''] : ['Running'])
  await waitFor(
    `${name} to be ${wanted}`,
    async (probe) => {
      const state = await stateOf(lease, probe)
      if (reached.has(state)) return true
      if (state === 'Error')
        throw new MachineError('driver', `The plugin says that "${name}" is in state Error`)
      return pending(`the plugin says ${state || 'None'}`)
    },
    { deadlineMs: SETTLE_MS, intervalMs: 250, maxIntervalMs: 3_000, signal, clock },
  )
}

/** Where it is reached, as the plugin says. An address that it cannot tell is empty. */
export async function endpointOf(
  plugin: PluginIdentity,
  lease: Lease,
  signal: AbortSignal,
): Promise<Endpoint | undefined> {
  const url = await told(lease.call('GetURL', undefined, signal))
  const ip = await told(lease.call('GetIP', undefined, signal))
  const engine = engineOf(url, ip)
  const address = ip || engine.host
  if (address === '') return undefined
  const isForwarded = knownDriver(plugin.plugin, {}).forwarded === true
  const enginePort = isForwarded ? ENGINE_PORT : engine.port
  if (!hasSsh(plugin)) return { address, engine, enginePort, sans: [], url }
  return {
    address,
    ssh: {
      host: (await told(lease.call('GetSSHHostname', undefined, signal))) || address,
      port: (await lease.call('GetSSHPort', undefined, signal)) || SSH_PORT,
      user: await lease.call('GetSSHUsername', undefined, signal),
    },
    engine,
    enginePort,
    sans: [],
  }
}

/** As whom one logs in; a key that is not there leaves it to the user's own. */
export async function loginOf(lease: Lease, signal: AbortSignal): Promise<KeyLogin> {
  const user = await lease.call('GetSSHUsername', undefined, signal)
  const keyPath = await lease.call('GetSSHKeyPath', undefined, signal)
  return { user, ...(keyPath !== '' && existsSync(keyPath) ? { keyPath } : {}) }
}

/** Empty where the plugin answers with an error: what it does not know yet is no failure. */
async function told(answer: Promise<string>): Promise<string> {
  return await answer.catch((error: unknown) => {
    if (error instanceof PluginError) return ''
    throw error
  })
}

/** Host and port of `tcp://HOST:PORT`. */
function engineOf(url: string, ip: string): { readonly host: string; readonly port: number } {
  if (!URL.canParse(url)) return { host: ip, port: ENGINE_PORT }
  const { hostname, port } = new URL(url)
  return { host: hostname.replace(/^\[|\]$/g, '') || ip, port: Number(port) || ENGINE_PORT }
}
