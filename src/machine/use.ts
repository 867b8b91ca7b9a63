import { MachineError } from '../contracts/errors.js'
import type { UseOutcome } from '../engine/contexts.js'
import type { MachineContext } from './context.js'
import { dockerContexts, syncDockerContext } from './docker-context.js'
import { ensureTunnel } from './engine-tunnel.js'
import { notFound } from './names.js'
import { openWithoutSecrets } from './open.js'

/** The word that goes back to the context used before. */
export const PREVIOUS = '-'

/**
 * Makes a machine's Docker context the current one; `-` goes back to the one before.
 * @throws MachineError `not-found`, or `engine` for a machine that has no context
 */
export async function useMachine(ctx: MachineContext, target: string): Promise<UseOutcome> {
  const contexts = dockerContexts(ctx)
  const name = target === PREVIOUS ? PREVIOUS : await contextOf(ctx, target)
  const outcome = await contexts.use(name)
  for (const variable of outcome.overriddenBy) {
    const text = `${variable} is set and wins over the current context: unset ${variable.split('=')[0] ?? ''}`
    ctx.report({ type: 'warn', text })
  }
  return outcome
}

/** Brought up to date first: it may have been removed, or the machine's port may have changed. */
async function contextOf(ctx: MachineContext, machine: string): Promise<string> {
  if (!ctx.store.exists(machine)) throw notFound(ctx, machine)
  const open = await openWithoutSecrets(ctx, machine)
  await ensureTunnel(ctx, open)
  const name = (await syncDockerContext(ctx, open)) ?? open.ledger.dockerContext
  if (name !== undefined) return name
  throw new MachineError('engine', `"${machine}" has no Docker context`, {
    machine,
    hints: [
      open.factory.capabilities.ssh
        ? 'Contexts need the docker client: tsmachine doctor says whether it is found.'
        : `The ${open.factory.name} driver makes none: the machine is not ours.`,
      `Without one: eval "$(tsmachine env ${machine})"`,
    ],
  })
}
