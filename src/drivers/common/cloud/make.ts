import type { DriverEvent, MachineSpec } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import { findTried, makeOnce } from './make-once.js'
import type { Found, MadeParts, Part, PartRequest } from './part.js'
import { takeShared } from './shared.js'
import { isSettled, nextTry, NothingMade, settled, triesOf } from './tries.js'

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
    const open = known && !isSettled(known) ? known : undefined
    const intended = open ?? (known ? nextTry(known) : newIntent(part, key, spec))
    if (!open) yield { type: 'intent', resource: intended }
    yield { type: 'log', level: 'info', text: `Creating ${part.text}...` }
    const notes: string[] = []
    const tries = triesOf(intended)
    const request = { spec, key, made, tries, note: (text: string) => void notes.push(text) }
    const found = yield* orNextTry(intended, makeOne(account, part, request, open !== undefined, signal))
    const resource = madeResource(intended, found)
    yield { type: 'made', resource }
    for (const text of notes) yield { type: 'log', level: 'info', text }
    resources.push(resource)
  }
  return resources
}

function newIntent({ kind }: { kind: string }, key: string, { tags }: MachineSpec): Resource {
  return { kind, key, tags, state: 'intended' }
}

/** Records that a try has brought nothing before its error goes on. */
async function* orNextTry(intended: Resource, making: Promise<Found>): AsyncGenerator<DriverEvent, Found> {
  try {
    return await making
  } catch (error) {
    if (error instanceof NothingMade) yield { type: 'intent', resource: settled(intended) }
    throw error
  }
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
  if (part.shared) return await takeShared(account, part, request, signal)
  const found = triedBefore && !part.idempotent ? await findTried(account, part, request, signal) : undefined
  return found ?? (await makeOnce(account, part, request, signal))
}
