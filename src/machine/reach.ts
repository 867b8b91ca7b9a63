import { join } from 'node:path'
import type { SshHost } from '../ssh/host.js'
import { writeProgramConfig } from '../ssh/client-config.js'
import { loginOptions, settledPins, sshEndpoint } from './connect.js'
import type { MachineContext } from './context.js'
import { resolveNames } from './names.js'
import { type OpenMachine, openWithoutSecrets } from './open.js'

/** How to log in to a machine, its host key settled. @throws MachineError `not-found`, `ssh`, `host-key` */
export async function reach(ctx: MachineContext, name: string): Promise<SshHost> {
  resolveNames(ctx, [name])
  return await reachOpen(ctx, await openWithoutSecrets(ctx, name))
}

/** The same for a machine that is open already. */
export async function reachOpen(ctx: MachineContext, open: OpenMachine): Promise<SshHost> {
  const endpoint = sshEndpoint(ctx, open)
  const { privateKeyPath, agent } = loginOptions(ctx, open)
  return {
    name: open.name,
    endpoint,
    pins: await settledPins(ctx, open),
    dir: open.record.dir,
    ...(privateKeyPath === undefined ? {} : { keyPath: privateKeyPath }),
    ...(agent === undefined ? {} : { agent }),
  }
}

/**
 * Writes what programs are given instead of the user's ssh configuration, in the folder of the first machine. Its name
 * and content depend on the machines alone, so runs side by side write the same.
 */
export async function programConfig(hosts: readonly [SshHost, ...SshHost[]]): Promise<string> {
  const [first, ...others] = hosts
  const name = ['ssh', ...others.map((host) => host.name)].join('+')
  const path = join(first.dir, `${name}.conf`)
  await writeProgramConfig(path, hosts)
  return path
}
