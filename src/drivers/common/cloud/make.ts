import type { DriverEvent, MachineSpec } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import { pending, waitFor } from '../../../util/wait.js'
import { isMachineError } from '../../../contracts/errors.js'
import { isApiError } from '../api/errors.js'
import type { CloudAccount } from './account.js'
import type { Found, MadeParts, Part, PartRequest } from './part.js'

/** How long a thing whose making was not answered is looked for before it is made again. */
const LOOK_MS = 15_000

/** Makes what is missing of one part, each thing announced before and confirmed after. */
export async function* makePart<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  spec: MachineSpec,
  made: MadeParts,
  signal: AbortSignal,
): AsyncGenerator<DriverEvent, readonly Resource[]> {
  const resources: Resource[] = []
  for (const key of part.keys(spec)) {
    const known = spec.resources.find((resource) => resource.kind === part.kind && resource.key === key)
    if (known?.state === 'made') {
      resources.push(known)
      continue
    }
    const intended: Resource = known ?? { kind: part.kind, key, tags: spec.tags, state: 'intended' }
    if (!known) yield { type: 'intent', resource: intended }
    yield { type: 'log', level: 'info', text: `Creating ${part.text}...` }
    const found = await makeOne(account, part, { spec, key, made }, known !== undefined, signal)
    const resource = madeResource(intended, found)
    yield { type: 'made', resource }
    resources.push(resource)
  }
  return resources
}

export function madeResource(intended: Resource, found: Found): Resource {
  return { ...intended, ...found, state: 'made' }
}

async function makeOne<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  triedBefore: boolean,
  signal: AbortSignal,
): Promise<Found> {
  const work = async (): Promise<Found> => {
    const found =
      part.shared || (triedBefore && !part.idempotent) ? await part.find(account, request, signal) : undefined
    return found ?? (await makeOnce(account, part, request, signal))
  }
  return part.shared ? await account.desk.exclusive(`make ${part.text}`, work, signal) : await work()
}

/** A request whose answer was lost is looked for before it is repeated: there must never be two. */
async function makeOnce<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  try {
    return await part.make(account, request, signal)
  } catch (error) {
    if (signal.aborted || !isApiError(error) || error.fate !== 'unknown') throw error
    if (part.idempotent) return await part.make(account, request, signal)
    return (await lookFor(account, part, request, signal)) ?? (await part.make(account, request, signal))
  }
}

async function lookFor<A extends CloudAccount>(
  account: A,
  part: Part<A>,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found | undefined> {
  try {
    return await waitFor(
      `the ${part.text} whose making was not answered`,
      async (inner) => (await part.find(account, request, inner)) ?? pending('it is not there'),
      { deadlineMs: LOOK_MS, intervalMs: 1_000, signal, clock: account.clock },
    )
  } catch (error) {
    if (isMachineError(error) && error.code === 'timeout') return undefined
    throw error
  }
}
