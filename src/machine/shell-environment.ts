import { isMachineError } from '../contracts/errors.js'
import type { MachineRecord } from '../contracts/record.js'
import type { LocalProcess } from '../contracts/state.js'
import { addressOf } from './address.js'
import type { MachineContext } from './context.js'
import { clientVariables, type Variables } from './env.js'
import { type OpenMachine, openRecord } from './open.js'

/** What `env` answers for a machine, and how a shell finds out by itself whether it still does. */
export interface ShellEnvironment {
  readonly name: string
  /** Root of the store as it was given: another way to it gives other paths. */
  readonly root: string
  readonly variables: Variables
  /** It holds while exactly this process runs; absent: as long as the record stays as it is. */
  readonly process?: LocalProcess
}

/** Names that mean nothing to any shell. */
const PLAIN_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]*$/

/** Undefined where only the program can tell, or where it would fail. */
export async function shellEnvironment(
  ctx: MachineContext,
  record: MachineRecord,
): Promise<ShellEnvironment | undefined> {
  const { ledger, name, dir } = record
  // A machine that is reached through a tunnel needs it led there first.
  if (!PLAIN_NAME.test(name) || ledger?.phase !== 'ready' || ledger.engineTunnel) return undefined
  const open = await openRecord(ctx, record, { secrets: false })
  const proof = proofOf(open)
  const url = urlNow(open)
  if (proof === undefined || url === undefined) return undefined
  const variables = clientVariables({ name, dir, url })
  return { name, root: ctx.store.root, variables, ...(proof === 'record' ? {} : { process: proof }) }
}

function proofOf({ factory, driver, machine }: OpenMachine): LocalProcess | 'record' | undefined {
  if (factory.absent) return undefined
  return driver.localState ? driver.restsOn?.(machine) : 'record'
}

function urlNow(open: OpenMachine): string | undefined {
  try {
    return addressOf(open).url
  } catch (error) {
    if (isMachineError(error)) return undefined
    throw error
  }
}
