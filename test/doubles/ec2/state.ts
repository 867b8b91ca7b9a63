/** What an account has in one region, and what all its regions share. */
import type {
  Address,
  FleetData,
  Instance,
  KeyPairInfo,
  LaunchTemplate,
  RequestLaunchTemplateData,
  SecurityGroup,
  SpotInstanceRequest,
  Subnet,
  Tag,
  Volume,
  Vpc,
} from '@aws-sdk/client-ec2'
import type { Clock } from '../../../src/contracts/clock.js'
import type { Guest, GuestHost } from '../cloud/guest.js'
import { ACCOUNT, imagesOf, type ImageFacts, type RegionFacts } from './catalogue.js'
import type { Delays, StateName } from './life.js'

/** What EC2 keeps of an instance beside what DescribeInstances shows. */
export interface Machine {
  readonly id: string
  readonly instance: Instance
  readonly reservationId: string
  readonly guest: Guest
  readonly userData: string
  /** What it said before it died; else the guest's. */
  lastWords?: string
  readonly wantsPublic: boolean
  terminationProtected: boolean
  rebooting: boolean
  /** DescribeInstances calls that do not see it yet. */
  unseen: number
  /** Where it is going, and how long it still takes: until this time of the clock, and this many looks at it. */
  change?: { to: StateName; readonly atMs: number; looks: number; busy: boolean }
}

export interface Template {
  readonly about: LaunchTemplate
  readonly versions: RequestLaunchTemplateData[]
}

export class Region {
  readonly vpcs = new Map<string, Vpc>()
  readonly subnets = new Map<string, Subnet>()
  readonly images: Map<string, ImageFacts>
  readonly groups = new Map<string, SecurityGroup>()
  readonly keys = new Map<string, KeyPairInfo>()
  readonly machines = new Map<string, Machine>()
  readonly volumes = new Map<string, Volume>()
  readonly addresses = new Map<string, Address>()
  readonly templates = new Map<string, Template>()
  readonly spotRequests = new Map<string, SpotInstanceRequest>()
  readonly fleets = new Map<string, FleetData>()
  /** Answers by ClientToken, with the request that they answered. */
  readonly tokens = new Map<string, { readonly request: string; readonly ids: readonly string[] }>()

  constructor(
    readonly facts: RegionFacts,
    readonly account: Account,
  ) {
    this.images = new Map(imagesOf(facts.name).map((image) => [image.id, image]))
    this.#makeDefaultVpc()
  }

  get name(): string {
    return this.facts.name
  }

  /** One with its default group and a subnet in each zone. */
  #makeDefaultVpc(): void {
    const vpcId = this.account.id('vpc')
    this.vpcs.set(vpcId, vpc(vpcId, '172.31.0.0/16', true))
    this.facts.zones.forEach((zone, at) =>
      this.addSubnet(vpcId, {
        zone,
        cidr: `172.31.${at * 16}.0/20`,
        isDefault: true,
        ipv6: this.account.ipv6,
      }),
    )
    this.addGroup(vpcId, 'default', 'default VPC security group', [])
  }

  addVpc(cidr: string): string {
    const id = this.account.id('vpc')
    this.vpcs.set(id, vpc(id, cidr, false))
    this.addGroup(id, 'default', 'default VPC security group', [])
    return id
  }

  addSubnet(vpcId: string, of: { zone: string; cidr: string; isDefault?: boolean; ipv6?: boolean }): string {
    const id = this.account.id('subnet')
    const isDefault = of.isDefault ?? false
    this.subnets.set(id, {
      SubnetId: id,
      VpcId: vpcId,
      AvailabilityZone: of.zone,
      CidrBlock: of.cidr,
      State: 'available',
      DefaultForAz: isDefault,
      MapPublicIpOnLaunch: isDefault,
      Ipv6CidrBlockAssociationSet: of.ipv6
        ? [{ Ipv6CidrBlock: '2001:db8::/64', Ipv6CidrBlockState: { State: 'associated' } }]
        : [],
      AvailableIpAddressCount: 4091,
      OwnerId: ACCOUNT,
      Tags: [],
    })
    return id
  }

  addGroup(vpcId: string, name: string, description: string, tags: Tag[]): SecurityGroup {
    const id = this.account.id('sg')
    const group: SecurityGroup = {
      GroupId: id,
      GroupName: name,
      Description: description,
      VpcId: vpcId,
      OwnerId: ACCOUNT,
      IpPermissions: [],
      IpPermissionsEgress: [{ IpProtocol: '-1', IpRanges: [{ CidrIp: '0.0.0.0/0' }] }],
      Tags: tags,
    }
    this.groups.set(id, group)
    return group
  }
}

function vpc(id: string, cidr: string, isDefault: boolean): Vpc {
  return { VpcId: id, CidrBlock: cidr, IsDefault: isDefault, State: 'available', OwnerId: ACCOUNT, Tags: [] }
}

/** How many machines an account may have. */
export interface Limits {
  instances: number
  vcpus: number
  spotInstances: number
}

/** `left` machines of a type fit a zone's market; the first rule that matches counts. */
export interface Capacity {
  readonly type?: string
  readonly zone?: string
  readonly market?: 'spot' | 'on-demand'
  left: number
  /** InsufficientInstanceCapacity when absent. */
  readonly code?: string
}

/** A machine that never runs: why, and what its console said. */
export interface Death {
  readonly code: string
  readonly message: string
  readonly console?: string
}

export interface Account {
  readonly clock: Clock
  /** What the double itself did wrong: a test looks here at its end. */
  readonly violations: string[]
  readonly limits: Limits
  /** Default subnets have IPv6 too. */
  readonly ipv6: boolean
  /** How many DescribeInstances calls miss a new machine: EC2's lists lag behind its launches. */
  unseen: number
  readonly delays: Delays
  readonly capacity: Capacity[]
  readonly guests: GuestHost
  /** How the next machines end in their boot. */
  readonly deaths: Death[]
  /** Key ids of its KMS; an instance on a volume of another key dies at launch. */
  readonly kmsKeys: Set<string>
  readonly profiles: Set<string>
  regions(): readonly Region[]
  id(prefix: string): string
}

/** One request, parsed. */
export interface Call<Input> {
  readonly input: Input
  readonly region: Region
  readonly account: Account
}

export type Action<Input, Output extends object> = (call: Call<Input>) => Output | Promise<Output>
