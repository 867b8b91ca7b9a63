import type { Instance } from '@aws-sdk/client-ec2'
import { MachineError, messageOf } from '../../contracts/errors.js'
import type { Resource } from '../../contracts/record.js'
import { type Found, type Part, type PartRequest, SERVER } from '../common/cloud/part.js'
import { ConfigReader } from '../common/config-reader.js'
import { type Ec2Account, NEW_INSTANCE } from './account.js'
import { attemptText, CAPACITY, clientToken, foundInstance, noCapacity } from './attempts.js'
import type { CallOptions } from './client.js'
import { earlierInstance, LATE_INSTANCE } from './earlier.js'
import { ifThere, isRefusedWith } from './errors.js'
import { viaFleet } from './fleet.js'
import { NEW_GROUP } from './groups.js'
import { ALIVE } from './instances.js'
import { type Attempt, attemptsOf, type LaunchPlan, launchPlan, runInput } from './launch.js'

/** The key pair of a moment ago is not known everywhere. */
const SETTLING = [...NEW_GROUP, 'InvalidKeyPair.NotFound']

/** For so long EC2 may say of a new instance that it does not exist. One that has ended it still knows for an hour. */
const NEW_MS = 600_000
const UNKNOWN_MS = 60_000

/**
 * The instance. It bears a client token of machine and attempt, so that a repeated call makes no second one; and because
 * a resumed create may begin with another attempt than the one that was taken, it is looked for by tag first.
 */
export const serverPart: Part<Ec2Account> = {
  kind: SERVER,
  ...LATE_INSTANCE,
  keys: ({ machine }) => [machine.name],
  async make(account, request, signal) {
    const plan = await launchPlan(account, request.spec, request.made, signal)
    const note = request.note ?? (() => undefined)
    for (const image of new Set(Object.values(plan.images)))
      note(`Image ${image.name} (${image.id}): ${image.why}`)
    if (plan.config.useFleet) return await viaFleet(account, plan, request, signal)
    return await firstOf(account, plan, request, signal)
  },
  async remove(account, resource, _machine, signal) {
    if (await terminate(account, resource, signal)) return
    if (!isNew(account, resource) && !(await isListed(account, resource, signal))) return
    const settling = { settling: NEW_INSTANCE, deadlineMs: UNKNOWN_MS }
    if (await terminate(account, resource, signal, settling)) return
    if (!(await isListed(account, resource, signal))) return
    throw new MachineError('driver', `AWS lists instance ${resource.id} but says that there is none to end`, {
      hints: ['A new instance is not known everywhere at once: try again in a minute.'],
    })
  },
}

/** False when EC2 says that there is no such instance. */
async function terminate(
  account: Ec2Account,
  { id = '' }: Resource,
  signal: AbortSignal,
  how?: CallOptions,
): Promise<boolean> {
  const asked = account.api.call('TerminateInstances', { InstanceIds: [id] }, signal, how)
  return (await ifThere(asked, ...NEW_INSTANCE, 'InvalidInstanceID.Malformed')) !== undefined
}

function isNew({ clock }: Ec2Account, { attributes = {} }: Resource): boolean {
  const age = clock.now().getTime() - Date.parse(new ConfigReader(attributes).string('launchedAt'))
  return age < NEW_MS
}

async function isListed(account: Ec2Account, { id = '' }: Resource, signal: AbortSignal): Promise<boolean> {
  const Filters = [
    { Name: 'instance-id', Values: [id] },
    { Name: 'instance-state-name', Values: ALIVE },
  ]
  const { Reservations = [] } = await account.api.call('DescribeInstances', { Filters }, signal)
  return Reservations.some(({ Instances = [] }) => Instances.length > 0)
}

async function firstOf(
  account: Ec2Account,
  plan: LaunchPlan,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  const skipped: string[] = []
  const attempts = attemptsOf(plan)
  for (const attempt of attempts) {
    try {
      const asked = run(account, plan, { attempt, request }, signal)
      const made = await earlierInstance(account, request, asked, signal)
      if ('id' in made) return made
      request.note?.(`${attemptText(attempt)}, subnet ${attempt.place.subnetId} (${plan.network.why})`)
      return foundInstance(account, made)
    } catch (error) {
      if (!isRefusedWith(error, ...CAPACITY)) throw error
      skipped.push(`${attemptText(attempt)}: ${messageOf(error)}`)
      request.note?.(`Skipped ${skipped.at(-1)}`)
    }
  }
  throw noCapacity(plan, skipped)
}

async function run(
  account: Ec2Account,
  plan: LaunchPlan,
  { attempt, request }: { attempt: Attempt; request: PartRequest },
  signal: AbortSignal,
): Promise<Instance> {
  const token = clientToken(request, attempt.market, attempt.type.name, attempt.place.subnetId)
  const input = runInput(plan, attempt, token)
  const answer = await account.api.call('RunInstances', input, signal, { settling: SETTLING })
  return answer.Instances?.[0] ?? {}
}
