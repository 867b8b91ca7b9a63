/** CreateFleet of type `instant`: the first place of its list that has room, and an error for each that has none. */
import type {
  CreateFleetError,
  CreateFleetRequest,
  CreateFleetResult,
  FleetLaunchTemplateOverridesRequest,
  FleetLaunchTemplateSpecificationRequest,
  LaunchTemplateOverrides,
  RunInstancesRequest,
} from '@aws-sdk/client-ec2'
import { TYPES } from '../catalogue.js'
import { Ec2Error, refuse } from '../errors.js'
import type { Action, Call, Machine } from '../state.js'
import { admit, mismatch, planOf } from './run.js'
import { tagsFor } from './tagged.js'
import { withTemplate } from './template.js'

interface Place {
  readonly template: FleetLaunchTemplateSpecificationRequest
  readonly override: FleetLaunchTemplateOverridesRequest
}

export const createFleet: Action<CreateFleetRequest, CreateFleetResult> = (call) => {
  const { input, region, account } = call
  if (input.Type !== 'instant')
    refuse('UnsupportedOperation', `The double has no fleets of type ${input.Type ?? 'maintain'}.`)
  const { ClientToken: token, ...rest } = input
  const request = JSON.stringify(rest)
  const earlier = region.tokens.get(`fleet ${token ?? ''}`)
  if (earlier && earlier.request !== request) mismatch()
  const known = region.fleets.get(earlier?.ids[0] ?? '')
  if (known) return known
  const id = account.id('fleet')
  const result = { FleetId: id, ...fill(call) }
  region.fleets.set(id, result)
  if (token !== undefined) region.tokens.set(`fleet ${token}`, { request, ids: [id] })
  return result
}

function places(input: CreateFleetRequest): Place[] {
  const all = (input.LaunchTemplateConfigs ?? []).flatMap(({ LaunchTemplateSpecification, Overrides }) => {
    const template =
      LaunchTemplateSpecification ??
      refuse('MissingParameter', 'A fleet needs a launch template specification.')
    return (Overrides ?? [{}]).map((override) => ({ template, override }))
  })
  const strategy = input.SpotOptions?.AllocationStrategy ?? input.OnDemandOptions?.AllocationStrategy ?? ''
  const rank = strategy.includes('prioritized') ? priority : price
  return all.sort((a, b) => rank(a) - rank(b))
}

function priority({ override }: Place): number {
  return override.Priority ?? 0
}

/** Where nothing else is said, what is cheaper comes first. */
function price({ override }: Place): number {
  return TYPES.find(({ name }) => name === override.InstanceType)?.spot ?? 0
}

function fill(call: Call<CreateFleetRequest>): Pick<CreateFleetResult, 'Errors' | 'Instances'> {
  const { input } = call
  const count = input.TargetCapacitySpecification?.TotalTargetCapacity ?? 1
  const spot = (input.TargetCapacitySpecification?.DefaultTargetCapacityType ?? 'on-demand') === 'spot'
  const errors: CreateFleetError[] = []
  for (const place of places(input)) {
    const shown = {
      LaunchTemplateSpecification: place.template,
      Overrides: place.override as LaunchTemplateOverrides,
    }
    const lifecycle = spot ? ('spot' as const) : ('on-demand' as const)
    try {
      const made = launchAt(call, place, { count, spot })
      const InstanceIds = made.map(({ id }) => id)
      const InstanceType = made[0]?.instance.InstanceType
      const instances = { InstanceIds, InstanceType, Lifecycle: lifecycle, LaunchTemplateAndOverrides: shown }
      return { Instances: [instances], Errors: errors }
    } catch (error) {
      if (!(error instanceof Ec2Error)) throw error
      errors.push({
        ErrorCode: error.code,
        ErrorMessage: error.message,
        Lifecycle: lifecycle,
        LaunchTemplateAndOverrides: shown,
      })
    }
  }
  return { Instances: [], Errors: errors }
}

function launchAt(
  call: Call<CreateFleetRequest>,
  { template, override }: Place,
  of: { count: number; spot: boolean },
): Machine[] {
  const { region, input } = call
  const base: RunInstancesRequest = {
    MinCount: of.count,
    MaxCount: of.count,
    LaunchTemplate: template,
    ...(override.ImageId === undefined ? {} : { ImageId: override.ImageId }),
    ...(override.InstanceType === undefined ? {} : { InstanceType: override.InstanceType }),
    ...(override.AvailabilityZone === undefined
      ? {}
      : { Placement: { AvailabilityZone: override.AvailabilityZone } }),
    TagSpecifications: [
      { ResourceType: 'instance', Tags: tagsFor(input.TagSpecifications, 'instance', ['fleet', 'instance']) },
    ],
    ...(of.spot
      ? {
          InstanceMarketOptions: {
            MarketType: 'spot' as const,
            SpotOptions: { MaxPrice: override.MaxPrice },
          },
        }
      : {}),
  }
  const request = withTemplate(region, base)
  const nics = request.NetworkInterfaces
  const subnet = override.SubnetId
  const placed =
    subnet === undefined
      ? request
      : nics
        ? { ...request, NetworkInterfaces: nics.map((nic) => ({ ...nic, SubnetId: subnet })) }
        : { ...request, SubnetId: subnet }
  return admit(call, planOf(region, placed))
}
