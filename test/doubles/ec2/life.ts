/** The life of an instance: its states take time, and each arrival has its effects. */
import type { Instance, InstanceState } from '@aws-sdk/client-ec2'
import type { Machine, Region } from './state.js'

export type StateName = 'pending' | 'running' | 'shutting-down' | 'terminated' | 'stopping' | 'stopped'
type Passing = 'pending' | 'stopping' | 'shutting-down'

const CODES: Readonly<Record<StateName, number>> = {
  pending: 0,
  running: 16,
  'shutting-down': 32,
  terminated: 48,
  stopping: 64,
  stopped: 80,
}

/** How long a state lasts: at least so long, and so many requests see it. */
export interface Delay {
  readonly ms: number
  readonly looks: number
}
export type Delays = Record<Passing, Delay>

export const USUAL_DELAYS: Delays = {
  pending: { ms: 0, looks: 1 },
  stopping: { ms: 0, looks: 1 },
  'shutting-down': { ms: 0, looks: 1 },
}

export function stateOf(machine: Machine): StateName {
  return machine.instance.State?.Name ?? 'pending'
}

export function stateNamed(name: StateName): InstanceState {
  return { Code: CODES[name], Name: name }
}

export function isAlive(machine: Machine): boolean {
  return stateOf(machine) !== 'terminated'
}

/** Puts a machine on its way; `work` is what its server must do first. */
export function begin(
  region: Region,
  machine: Machine,
  way: { over: Passing; to: StateName },
  work: Promise<void>,
): void {
  const delay = region.account.delays[way.over]
  const atMs = region.account.clock.monotonicMs() + delay.ms
  const change = { to: way.to, atMs, looks: delay.looks, busy: true }
  machine.instance.State = stateNamed(way.over)
  machine.change = change
  const done = (): void => {
    change.busy = false
  }
  work.then(done, (error: unknown) => {
    region.account.violations.push(`the guest of ${machine.id} failed: ${String(error)}`)
    change.to = 'terminated'
    void machine.guest.end().finally(done)
  })
}

/** Each request is a look at all machines on their way. */
export function settle(region: Region): void {
  const now = region.account.clock.monotonicMs()
  for (const machine of region.machines.values()) {
    const { change } = machine
    if (!change || change.busy || change.looks-- > 0 || now < change.atMs) continue
    delete machine.change
    machine.instance.State = stateNamed(change.to)
    ARRIVALS[change.to]?.(region, machine)
  }
}

const ARRIVALS: Partial<Record<StateName, (region: Region, machine: Machine) => void>> = {
  running: publish,
  stopped: leave,
  terminated: dissolve,
}

/** A public address comes with the running state, a new one each time, unless an own one is attached. */
function publish(region: Region, { instance, id, wantsPublic, guest }: Machine): void {
  const own = [...region.addresses.values()].find(({ InstanceId }) => InstanceId === id)
  if (!own && !wantsPublic) return
  setPublic(region, instance, own?.PublicIp ?? guest.address)
}

export function setPublic(region: Region, instance: Instance, address: string): void {
  const dns = `ec2-${address.replaceAll('.', '-')}.${region.name}.compute.amazonaws.com`
  instance.PublicIpAddress = address
  instance.PublicDnsName = dns
  for (const nic of instance.NetworkInterfaces ?? [])
    nic.Association = { PublicIp: address, PublicDnsName: dns, IpOwnerId: 'amazon' }
}

function leave(region: Region, { instance, guest }: Machine): void {
  unpublish(region, instance)
  guest.moveAway()
}

function unpublish(region: Region, instance: Instance): void {
  const own = [...region.addresses.values()].some(({ InstanceId }) => InstanceId === instance.InstanceId)
  if (own) return
  delete instance.PublicIpAddress
  instance.PublicDnsName = ''
  for (const nic of instance.NetworkInterfaces ?? []) delete nic.Association
}

/** What was made with it goes with it; the record stays for a while, as at EC2. */
function dissolve(region: Region, { instance, id }: Machine): void {
  for (const volume of region.volumes.values()) {
    const here = volume.Attachments?.find(({ InstanceId }) => InstanceId === id)
    if (!here) continue
    if (here.DeleteOnTermination) region.volumes.delete(volume.VolumeId ?? '')
    volume.Attachments = []
    volume.State = 'available'
  }
  for (const address of region.addresses.values()) {
    if (address.InstanceId !== id) continue
    delete address.InstanceId
    delete address.AssociationId
  }
  for (const request of region.spotRequests.values()) if (request.InstanceId === id) endSpot(request)
  unpublish(region, instance)
  instance.NetworkInterfaces = []
  instance.SecurityGroups = []
  instance.BlockDeviceMappings = []
  for (const field of ['PrivateIpAddress', 'SubnetId', 'VpcId'] as const) delete instance[field]
}

function endSpot(request: { State?: string; Status?: object }): void {
  if (request.State === 'active' || request.State === 'open') request.State = 'closed'
  request.Status = {
    Code: 'instance-terminated-by-user',
    Message: 'Spot Instance terminated due to user-initiated termination.',
  }
}
