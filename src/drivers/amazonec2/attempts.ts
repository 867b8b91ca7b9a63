import type { Instance } from '@aws-sdk/client-ec2'
import type { Found, PartRequest } from '../common/cloud/part.js'
import { NothingMade } from '../common/cloud/tries.js'
import type { Ec2Account } from './account.js'
import { readConfig, shortHash } from './config.js'
import type { Attempt, LaunchPlan } from './launch.js'

/** Refusals that another type, zone or market may not meet. */
export const CAPACITY = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientCapacityOnHost',
  'InsufficientReservedInstanceCapacity',
  'InsufficientFreeAddressesInSubnet',
  'SpotMaxPriceTooLow',
  'MaxSpotInstanceCountExceeded',
  'Unsupported',
  'UnfulfillableCapacity',
]

/** At most 64 characters; the same at every repeat of the same attempt of one try for the same machine. */
export function clientToken({ spec, tries = 0 }: PartRequest, ...attempt: readonly string[]): string {
  return `${spec.machine.id}-${shortHash(...attempt, ...(tries === 0 ? [] : [String(tries)]))}`
}

export function attemptText({ type, place, market }: Attempt): string {
  return `${market === 'spot' ? 'Spot' : 'on-demand'} ${type.name} in ${place.zone}`
}

export function noCapacity({ spec, types, network }: LaunchPlan, skipped: readonly string[]): NothingMade {
  const { instanceTypes, zone } = readConfig(spec.config)
  const zones = network.places.map((place) => place.zone).join(', ')
  const missing = types.filter((type) => !network.places.some((place) => type.zones.includes(place.zone)))
  const names = (
    missing.length > 0 && skipped.length === 0 ? missing.map(({ name }) => name) : instanceTypes
  ).join(', ')
  const text =
    skipped.length === 0
      ? `no subnet is in a zone that has ${names} (zones with a subnet: ${zones})`
      : `AWS has no capacity for ${names}`
  return new NothingMade('driver', text, {
    ...(skipped.length === 0 ? {} : { evidence: skipped.join('\n') }),
    hints: [
      'Give more types in the order of your choice: --amazonec2-instance-types A,B,C.',
      ...(zone === '' ? [] : ['Leave --amazonec2-zone out: every zone with a subnet is tried.']),
      'Try again later, or in another region.',
    ],
  })
}

/** What is recorded of an instance besides its addresses. */
export function foundInstance({ api }: Ec2Account, instance: Instance): Found {
  return {
    id: instance.InstanceId ?? '',
    region: api.region,
    attributes: {
      instanceType: instance.InstanceType ?? '',
      imageId: instance.ImageId ?? '',
      zone: instance.Placement?.AvailabilityZone ?? '',
      vpcId: instance.VpcId ?? '',
      subnetId: instance.SubnetId ?? '',
      market: instance.InstanceLifecycle ?? 'on-demand',
      ...(instance.LaunchTime ? { launchedAt: instance.LaunchTime.toISOString() } : {}),
    },
  }
}
