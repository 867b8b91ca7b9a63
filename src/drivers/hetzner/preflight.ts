import type { MachineSpec, PreflightFault } from '../../contracts/driver.js'
import { isMachineError } from '../../contracts/errors.js'
import { type ApiError, isApiError } from '../common/api/errors.js'
import { isOf } from '../common/cloud/tags.js'
import type { HetznerAccount } from './account.js'
import { USER_DATA_LIMIT } from './limits.js'
import { tagsOf } from './labels.js'
import { offerFaults } from './preflight-offer.js'
import { thingFaults } from './preflight-things.js'
import { nameTaken } from './server-part.js'

const WRITE_KNOWN_MS = 600_000

type Check = (
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
) => Promise<readonly PreflightFault[]>

/** What would fail later, all at once: the checks ask side by side, and what many machines ask is asked once. */
export async function preflight(
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const checks: readonly Check[] = [writeFaults, offerFaults, nameFaults, thingFaults]
  const outcomes = await Promise.all(checks.map(async (check) => await outcome(check, account, spec, signal)))
  const all = [...userDataFaults(spec), ...outcomes.flat()]
  const first = all.find(({ hidesOthers }) => hidesOthers)
  const unique = new Map((first ? [first] : all).map(({ message, hint }) => [message, { message, hint }]))
  return [...unique.values()].map(({ message, hint }) => ({
    message,
    ...(hint === undefined ? {} : { hint }),
  }))
}

interface Fault extends PreflightFault {
  /** Nothing else can be known: a bad token, or nobody who answers. */
  readonly hidesOthers?: boolean
}

/** A call that fails is a fault as well. */
async function outcome(
  check: Check,
  account: HetznerAccount,
  spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly Fault[]> {
  try {
    return await check(account, spec, signal)
  } catch (error) {
    signal.throwIfAborted()
    if (!isApiError(error)) {
      if (isMachineError(error)) return [{ message: error.message }]
      throw error
    }
    return [faultOf(error)]
  }
}

function faultOf(error: ApiError): Fault {
  const { message, hints } = error
  const hidesOthers = error.status === 401 || error.fate === 'unreachable'
  return { message, hidesOthers, ...(hints.length === 0 ? {} : { hint: hints.join(' ') }) }
}

function userDataFaults({ seed }: MachineSpec): readonly Fault[] {
  const bytes = Buffer.byteLength(seed?.userData ?? '')
  if (bytes <= USER_DATA_LIMIT) return []
  return [
    {
      message: `The user data has ${bytes} bytes, Hetzner takes ${USER_DATA_LIMIT}`,
      hint: 'Let your user data fetch what is large: #include URL, or curl in runcmd.',
    },
  ]
}

/**
 * Whether the token may write. No call tells, so one is made that cannot succeed: a key without name and content. A token
 * that may only read is refused before anybody looks at it.
 */
async function writeFaults(
  account: HetznerAccount,
  _spec: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  return await account.memory.once('may write', WRITE_KNOWN_MS, signal, async (asking) => {
    const what = 'write with this token'
    try {
      await account.api.post('/ssh_keys', {}, what, asking)
    } catch (error) {
      if (!isApiError(error) || error.fate !== 'refused') throw error
      if (isForbidden(error)) return [faultOf(error)]
      if (error.status === 401) throw error
    }
    return []
  })
}

function isForbidden({ status, providerCode }: ApiError): boolean {
  return status === 403 || providerCode === 'token_readonly' || providerCode === 'forbidden'
}

/** Names of servers are unique in a project. */
async function nameFaults(
  account: HetznerAccount,
  { machine }: MachineSpec,
  signal: AbortSignal,
): Promise<readonly PreflightFault[]> {
  const taken = (await account.serversNamed(machine.name, signal)).find(
    ({ labels }) => !isOf(tagsOf(labels), machine),
  )
  if (!taken) return []
  const message = `Hetzner has a server "${machine.name}" already (${taken.id}), and names are unique in a project`
  return [{ message, hint: nameTaken(machine.name).join(' ') }]
}
