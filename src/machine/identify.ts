import { MachineError } from '../contracts/errors.js'
import type { PinnedHostKeys } from '../contracts/record.js'
import type { CreateState } from './create-state.js'
import { rootedFacts, settledFacts } from './host-facts.js'
import { labelHostKey } from './host-key-label.js'
import { hasHostKey, removeHostKey } from './identity-files.js'
import { reconnect } from './login.js'
import { sealedSeed } from './machine-seed.js'
import { finishRotation, prepareRotation } from './rotate-host-key.js'
import { requireShell } from './require-shell.js'

/** Stage `identity`: facts about the host, and beside them the rotation of the key that user data carried. */
export async function identify(state: CreateState, signal: AbortSignal): Promise<void> {
  const { ctx, open, name, patience } = state
  const facts = rootedFacts(ctx, open, requireShell(state), signal)
  const pins = state.open.ledger.hostKeys
  // Listened to from now on: the rotation may fail first.
  const idle = facts.then(noop, noop)
  if (pins && needsRotation(pins)) await rotate(state, idle, signal)
  state.standBy()
  if (pins?.source === 'given' && hasHostKey(state.open.record.dir)) await forgetHostKey(state)
  labelHostKey(state)
  const rooted = await facts
  state.become(rooted.shell.sudoPassword)
  state.facts = await settledFacts(ctx, name, { ...rooted, shell: requireShell(state) }, signal, patience)
}

const noop = (): void => undefined

/** A key that user data carried, or a rotation that was cut off. */
function needsRotation(pins: PinnedHostKeys): boolean {
  return pins.next !== undefined || (pins.source === 'given' && !pins.rotated)
}

async function rotate(state: CreateState, idle: Promise<void>, signal: AbortSignal): Promise<void> {
  const shell = requireShell(state)
  const arrived = await finishRotation(state.ctx, state.open, shell.hostKey)
  if (!arrived) {
    await prepareRotation(state.ctx, state.open, shell, signal)
    await state.refresh()
    await idle
    const next = await reconnect(state, signal)
    if (!(await finishRotation(state.ctx, state.open, next.hostKey))) throw unchanged(state.name)
  }
  await state.refresh()
}

/** Our copies of the private half go: the one that the guest boots with and the one in the machine directory. */
async function forgetHostKey(state: CreateState): Promise<void> {
  const { driver, machine, ledger, record } = state.open
  if (ledger.ssh?.keyPath) await driver.seal?.(machine, await sealedSeed(state.open, ledger.ssh.keyPath))
  await removeHostKey(record.dir)
}

function unchanged(name: string): MachineError {
  return new MachineError(
    'host-key',
    `${name} still shows the host key of its user data after it installed its own`,
    {
      hints: [`tsmachine logs ${name} --boot`],
    },
  )
}
