import type { DriverEvent, MachineSpec } from '../../../contracts/driver.js'
import type { Resource } from '../../../contracts/record.js'
import type { CloudAccount } from './account.js'
import { findTried, makeOnce } from './make-once.js'
import type { Found, MadeParts, Part, PartRequest } from './part.js'
import { takeShared } from './shared.js'

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
    const notes: string[] = []
    const request = { spec, key, made, note: (text: string) => void notes.push(text) }
    const found = await makeOne(account, part, request, known !== undefined, signal)
    const resource = madeResource(intended, found)
    yield { type: 'made', resource }
    for (const text of notes) yield { type: 'log', level: 'info', text }
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
  if (part.shared) return await takeShared(account, part, request, signal)
  const found = triedBefore && !part.idempotent ? await findTried(account, part, request, signal) : undefined
  return found ?? (await makeOnce(account, part, request, signal))
}
