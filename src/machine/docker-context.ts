import { readFile } from 'node:fs/promises'
import { messageOf } from '../contracts/errors.js'
import { type ContextWanted, DockerContexts } from '../engine/contexts.js'
import { dockerConfigPath } from '../util/paths.js'
import { clientFiles } from './certificates.js'
import type { MachineContext } from './context.js'
import { updateLedger } from './driver-events.js'
import type { OpenMachine } from './open.js'

/**
 * Makes or updates the Docker context of a machine and records its name. A context that exists is kept right under any
 * profile. Never a failure: the machine works without it, so a problem is one warning line.
 */
export async function syncDockerContext(ctx: MachineContext, open: OpenMachine): Promise<string | undefined> {
  if (!ctx.profile.dockerContext && open.ledger.dockerContext === undefined) return undefined
  if (!open.factory.capabilities.ssh) return undefined
  try {
    const record = (name: string): Promise<unknown> =>
      updateLedger(ctx, open.name, open.factory, (ledger) => ({ ...ledger, dockerContext: name }))
    const announce = async (name: string): Promise<void> => void (await record(name))
    const outcome = await dockerContexts(ctx).sync({ ...(await wanted(ctx, open)), announce })
    if ('skipped' in outcome) {
      ctx.report({ type: 'info', machine: open.name, text: outcome.skipped })
      return undefined
    }
    if (outcome.change !== 'created' && outcome.name !== open.ledger.dockerContext) await record(outcome.name)
    return outcome.name
  } catch (error) {
    ctx.signal.throwIfAborted()
    ctx.report({ type: 'warn', machine: open.name, text: `No Docker context: ${messageOf(error)}` })
    return undefined
  }
}

/** Removes a machine's context if it is still ours. A problem is one warning line: the machine itself is gone. */
export async function dropDockerContext(ctx: MachineContext, open: OpenMachine): Promise<void> {
  if (!open.record.ledger) return
  const owner = { storeId: open.machine.storeId, machineId: open.machine.id }
  try {
    await dockerContexts(ctx).remove(owner, open.ledger.dockerContext)
  } catch (error) {
    ctx.signal.throwIfAborted()
    const text = `Its Docker context may be left: ${messageOf(error)}`
    ctx.report({ type: 'warn', machine: open.name, text })
  }
}

/** The Docker contexts of this user. */
export function dockerContexts(ctx: MachineContext): DockerContexts {
  return new DockerContexts({
    configDir: dockerConfigPath(ctx.env),
    storeRoot: ctx.store.root,
    env: ctx.env,
    signal: ctx.signal,
  })
}

async function wanted(ctx: MachineContext, open: OpenMachine): Promise<ContextWanted> {
  const { host, port } = open.driver.endpoint(open.machine).engine
  const paths = clientFiles(open.record.dir)
  const read = (path: string): Promise<string> => readFile(path, 'utf8')
  const [ca, cert, key] = await Promise.all([read(paths.ca), read(paths.cert), read(paths.key)])
  return {
    machine: open.name,
    owner: { storeId: open.ledger.storeId ?? (await ctx.store.id()), machineId: open.machine.id },
    url: `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca,
    cert,
    key,
    ...(open.ledger.dockerContext === undefined ? {} : { recorded: open.ledger.dockerContext }),
  }
}
