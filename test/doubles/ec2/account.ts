import type { Clock } from '../../../src/contracts/clock.js'
import type { GuestHost } from '../cloud/guest.js'
import { REGIONS } from './catalogue.js'
import { type Delays, stateOf, USUAL_DELAYS } from './life.js'
import { type Account, type Capacity, type Death, type Limits, Region } from './state.js'

export interface AccountOptions {
  readonly delays?: Partial<Delays>
  readonly limits?: Partial<Limits>
  /** How many DescribeInstances calls miss a new machine; 0 when absent. */
  readonly unseen?: number
  /** Default subnets have IPv6 too. */
  readonly ipv6?: boolean
  /** False: an account whose default VPCs were deleted. */
  readonly defaultVpc?: boolean
}

const PLENTY: Limits = { instances: 5_000, vcpus: 20_000, spotInstances: 5_000 }

/** Everything that one customer has. */
export class DoubleAccount implements Account {
  readonly violations: string[] = []
  readonly limits: Limits
  readonly delays: Delays
  readonly capacity: Capacity[] = []
  readonly deaths: Death[] = []
  readonly kmsKeys = new Set(['alias/aws/ebs'])
  readonly profiles = new Set(['ci-runner'])
  readonly ipv6: boolean
  unseen: number
  readonly #regions: readonly Region[]
  #last = 0

  constructor(
    readonly clock: Clock,
    readonly guests: GuestHost,
    options: AccountOptions,
  ) {
    this.limits = { ...PLENTY, ...options.limits }
    this.ipv6 = options.ipv6 ?? false
    this.unseen = options.unseen ?? 0
    this.delays = { ...USUAL_DELAYS, ...options.delays }
    this.#regions = REGIONS.filter(({ optedIn }) => optedIn).map((facts) => new Region(facts, this))
    if (options.defaultVpc === false) for (const region of this.#regions) forgetNetwork(region)
  }

  regions(): readonly Region[] {
    return this.#regions
  }

  region(name: string): Region | undefined {
    return this.#regions.find((region) => region.name === name)
  }

  id(prefix: string): string {
    this.#last += 1
    const hex = this.#last.toString(16)
    return prefix === 'fleet' ? `fleet-${hex.padStart(36, '0')}` : `${prefix}-${hex.padStart(17, '0')}`
  }

  /** What was not there at first and is not gone, in words. */
  inventory(): readonly string[] {
    return this.#regions.flatMap(inventoryOf)
  }
}

function forgetNetwork(region: Region): void {
  region.vpcs.clear()
  region.subnets.clear()
  region.groups.clear()
}

/** What is on its way out counts as gone, with the disks that go with it: nothing keeps it. */
function inventoryOf(region: Region): string[] {
  const machines = [...region.machines.values()].filter(
    (machine) => !['terminated', 'shutting-down'].includes(stateOf(machine)),
  )
  const ids = new Set(machines.map(({ id }) => id))
  const volumes = [...region.volumes.values()].filter(
    ({ Attachments }) => !Attachments?.some((on) => on.DeleteOnTermination && !ids.has(on.InstanceId ?? '')),
  )
  const groups = [...region.groups.values()].filter(({ GroupName }) => GroupName !== 'default')
  const spot = [...region.spotRequests.values()].filter(
    ({ State, InstanceId }) => State === 'open' || (State === 'active' && ids.has(InstanceId ?? '')),
  )
  const lines = [
    ...machines.map((machine) => `instance ${machine.id} (${stateOf(machine)})`),
    ...groups.map(({ GroupId, GroupName }) => `security group ${GroupId ?? ''} (${GroupName ?? ''})`),
    ...[...region.keys.values()].map(
      ({ KeyPairId, KeyName }) => `key pair ${KeyPairId ?? ''} (${KeyName ?? ''})`,
    ),
    ...volumes.map(({ VolumeId }) => `volume ${VolumeId ?? ''}`),
    ...[...region.addresses.values()].map(
      ({ AllocationId, PublicIp }) => `address ${AllocationId ?? ''} (${PublicIp ?? ''})`,
    ),
    ...spot.map(
      ({ SpotInstanceRequestId, State }) => `spot request ${SpotInstanceRequestId ?? ''} (${State ?? ''})`,
    ),
    ...[...region.templates.keys()].map((id) => `launch template ${id}`),
  ]
  return lines.map((line) => `${region.name} ${line}`)
}
