import type {
  CreateFleetCommandInput,
  CreateFleetCommandOutput,
  FleetLaunchTemplateOverridesRequest,
} from '@aws-sdk/client-ec2'
import { pending, waitFor } from '../../util/wait.js'
import { type Found, type Part, type PartRequest } from '../common/cloud/part.js'
import { NothingMade } from '../common/cloud/tries.js'
import type { Ec2Account } from './account.js'
import { CAPACITY, clientToken, foundInstance, noCapacity } from './attempts.js'
import { readConfig } from './config.js'
import { earlierInstance } from './earlier.js'
import { ifThere, isRefusedWith } from './errors.js'
import { TEMPLATE } from './kinds.js'
import { attemptsOf, type LaunchPlan, launchPlan, type Market, templateData } from './launch.js'
import { machineTags, tagSpecifications } from './tags.js'
import { overTemplate } from './user-template.js'

const VISIBLE_MS = 60_000

/** A fleet takes everything but type and place from a launch template: one of ours, over the user's. */
export const templatePart: Part<Ec2Account> = {
  kind: TEMPLATE,
  text: 'launch template',
  keys: ({ config, machine }) => (readConfig(config).useFleet ? [`tsmachine-${machine.id}`] : []),
  async find(account, { key }, signal) {
    const input = { Filters: [{ Name: 'launch-template-name', Values: [key] }] }
    const { LaunchTemplates = [] } = await account.api.call('DescribeLaunchTemplates', input, signal)
    const id = LaunchTemplates[0]?.LaunchTemplateId
    return id === undefined ? undefined : { id, region: account.api.region }
  },
  async make(account, request, signal) {
    const { spec, key, made } = request
    const plan = await launchPlan(account, spec, made, signal)
    const [type] = plan.types
    if (!type) throw noCapacity(plan, [])
    const input = {
      LaunchTemplateName: key,
      LaunchTemplateData: overTemplate(plan.template?.data ?? {}, templateData(plan, type)),
      ClientToken: clientToken(request, 'template'),
      TagSpecifications: tagSpecifications(machineTags(spec), 'launch-template'),
    }
    try {
      const { LaunchTemplate } = await account.api.call('CreateLaunchTemplate', input, signal)
      return { id: LaunchTemplate?.LaunchTemplateId ?? '', region: account.api.region }
    } catch (error) {
      const there = isRefusedWith(error, 'InvalidLaunchTemplateName.AlreadyExists*')
        ? await templatePart.find(account, request, signal)
        : undefined
      if (!there) throw error
      return there
    }
  },
  async remove(account, { id = '' }, _machine, signal) {
    const asked = account.api.call('DeleteLaunchTemplate', { LaunchTemplateId: id }, signal)
    await ifThere(asked, 'InvalidLaunchTemplateId.*', 'InvalidLaunchTemplateName.*')
  },
}

/** The instance by an instant fleet: Spot where it is wanted, then on-demand. */
export async function viaFleet(
  account: Ec2Account,
  plan: LaunchPlan,
  request: PartRequest,
  signal: AbortSignal,
): Promise<Found> {
  const markets: readonly Market[] = plan.config.spot ? ['spot', 'on-demand'] : ['on-demand']
  const skipped: string[] = []
  for (const market of markets) {
    const asked = account.api.call('CreateFleet', fleetInput(plan, request, market), signal)
    const answer = await earlierInstance(account, request, asked, signal)
    if ('id' in answer) return answer
    const made = answer.Instances?.[0]
    const id = made?.InstanceIds?.[0]
    if (id !== undefined) {
      request.note?.(`Fleet ${answer.FleetId}: ${market} ${made?.InstanceType}`)
      return await visible(account, id, signal)
    }
    const reasons = refusals(answer, market)
    skipped.push(...reasons)
    for (const reason of reasons) request.note?.(`Skipped ${reason}`)
  }
  throw noCapacity(plan, skipped)
}

/** @throws NothingMade where it is not for capacity that there is none */
function refusals({ Errors = [] }: CreateFleetCommandOutput, market: Market): readonly string[] {
  const other = Errors.find(({ ErrorCode = '' }) => !CAPACITY.includes(ErrorCode))
  if (other)
    throw new NothingMade(
      'driver',
      `AWS cannot make the instance: ${other.ErrorMessage} (${other.ErrorCode})`,
    )
  return Errors.map(({ ErrorCode, ErrorMessage, LaunchTemplateAndOverrides }) => {
    const { InstanceType = '', SubnetId = '' } = LaunchTemplateAndOverrides?.Overrides ?? {}
    return `${market} ${InstanceType} in ${SubnetId}: ${ErrorMessage} (${ErrorCode})`
  })
}

function fleetInput(plan: LaunchPlan, request: PartRequest, market: Market): CreateFleetCommandInput {
  const template = request.made[TEMPLATE]?.[0]?.id ?? ''
  const { spotPrice } = plan.config
  const overrides: FleetLaunchTemplateOverridesRequest[] = attemptsOf(plan)
    .filter((attempt) => attempt.market === market)
    .map(({ type, place }, at) => ({
      InstanceType: type.name as NonNullable<FleetLaunchTemplateOverridesRequest['InstanceType']>,
      SubnetId: place.subnetId,
      ImageId: plan.images[type.architecture]?.id,
      Priority: at,
      ...(market === 'spot' && spotPrice !== '' ? { MaxPrice: spotPrice } : {}),
    }))
  return {
    Type: 'instant',
    ClientToken: clientToken(request, 'fleet', market),
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: { LaunchTemplateId: template, Version: '$Latest' },
        Overrides: overrides,
      },
    ],
    TargetCapacitySpecification: { TotalTargetCapacity: 1, DefaultTargetCapacityType: market },
    ...(market === 'spot'
      ? { SpotOptions: { AllocationStrategy: 'price-capacity-optimized' } }
      : { OnDemandOptions: { AllocationStrategy: 'prioritized' } }),
    TagSpecifications: tagSpecifications(machineTags(plan.spec), 'fleet'),
  }
}

async function visible(account: Ec2Account, id: string, signal: AbortSignal): Promise<Found> {
  const instance = await waitFor(
    `instance ${id} to be known`,
    async (limit) => (await account.instance(id, limit)) ?? pending('it is not yet'),
    { deadlineMs: VISIBLE_MS, intervalMs: 500, signal, clock: account.clock },
  )
  return foundInstance(account, instance)
}
