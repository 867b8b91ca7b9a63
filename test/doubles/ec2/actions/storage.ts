/** Volumes and addresses, as far as tidying up sees them. */
import type {
  AllocateAddressRequest,
  AllocateAddressResult,
  AssociateAddressRequest,
  AssociateAddressResult,
  CreateVolumeRequest,
  DeleteVolumeRequest,
  DescribeAddressesRequest,
  DescribeAddressesResult,
  DescribeVolumesRequest,
  DescribeVolumesResult,
  DisassociateAddressRequest,
  ReleaseAddressRequest,
  Volume,
} from '@aws-sdk/client-ec2'
import { nextAddress } from '../../cloud/guest.js'
import { refuse } from '../errors.js'
import { byId, filtered, page } from '../filters.js'
import { setPublic, stateOf } from '../life.js'
import type { Action } from '../state.js'
import { machinesOf } from './find.js'
import { tagsFor } from './tagged.js'

function noVolume(ids: readonly string[]): never {
  return refuse('InvalidVolume.NotFound', `The volume '${ids.join(', ')}' does not exist.`)
}

export const createVolume: Action<CreateVolumeRequest, Volume> = ({ input, region, account }) => {
  if (!region.facts.zones.includes(input.AvailabilityZone ?? ''))
    refuse('InvalidZone.NotFound', `The zone '${input.AvailabilityZone ?? ''}' does not exist.`)
  const volume: Volume = {
    VolumeId: account.id('vol'),
    Size: input.Size ?? 8,
    VolumeType: input.VolumeType ?? 'gp2',
    AvailabilityZone: input.AvailabilityZone,
    Encrypted: input.Encrypted ?? false,
    State: 'available',
    CreateTime: account.clock.now(),
    Attachments: [],
    Tags: tagsFor(input.TagSpecifications, 'volume'),
  }
  region.volumes.set(volume.VolumeId ?? '', volume)
  return volume
}

export const describeVolumes: Action<DescribeVolumesRequest, DescribeVolumesResult> = ({ input, region }) => {
  const found = filtered(byId(region.volumes, input.VolumeIds, noVolume), input.Filters, {
    'volume-id': (volume) => volume.VolumeId,
    status: (volume) => volume.State,
    size: (volume) => volume.Size,
    'volume-type': (volume) => volume.VolumeType,
    encrypted: (volume) => volume.Encrypted,
    'availability-zone': (volume) => volume.AvailabilityZone,
    'attachment.instance-id': (volume) => volume.Attachments?.map(({ InstanceId }) => InstanceId),
    'attachment.delete-on-termination': (volume) =>
      volume.Attachments?.map(({ DeleteOnTermination }) => DeleteOnTermination),
  })
  const { items, NextToken } = page(found, input)
  return { Volumes: items, NextToken }
}

export const deleteVolume: Action<DeleteVolumeRequest, object> = ({ input, region }) => {
  const id = input.VolumeId ?? ''
  const [volume] = byId(region.volumes, [id], noVolume)
  const on = volume?.Attachments?.[0]?.InstanceId
  if (on !== undefined) refuse('VolumeInUse', `Volume ${id} is currently attached to ${on}`)
  region.volumes.delete(id)
  return {}
}

function noAddress(ids: readonly string[]): never {
  return refuse('InvalidAllocationID.NotFound', `The allocation ID '${ids.join(', ')}' does not exist`)
}

export const allocateAddress: Action<AllocateAddressRequest, AllocateAddressResult> = ({
  input,
  region,
  account,
}) => {
  const id = account.id('eipalloc')
  const address = { AllocationId: id, PublicIp: nextAddress(), Domain: 'vpc' as const }
  region.addresses.set(id, { ...address, Tags: tagsFor(input.TagSpecifications, 'elastic-ip') })
  return { ...address, NetworkBorderGroup: region.name, PublicIpv4Pool: 'amazon' }
}

export const associateAddress: Action<AssociateAddressRequest, AssociateAddressResult> = ({
  input,
  region,
  account,
}) => {
  const [address] = byId(region.addresses, [input.AllocationId ?? ''], noAddress)
  const [machine] = machinesOf(region, [input.InstanceId ?? ''])
  if (!address || !machine) return {}
  address.InstanceId = machine.id
  address.AssociationId = account.id('eipassoc')
  if (stateOf(machine) === 'running') setPublic(region, machine.instance, address.PublicIp ?? '')
  return { AssociationId: address.AssociationId }
}

export const disassociateAddress: Action<DisassociateAddressRequest, object> = ({ input, region }) => {
  const address = [...region.addresses.values()].find((each) => each.AssociationId === input.AssociationId)
  if (!address)
    return refuse(
      'InvalidAssociationID.NotFound',
      `The association ID '${input.AssociationId ?? ''}' does not exist`,
    )
  delete address.InstanceId
  delete address.AssociationId
  return {}
}

export const describeAddresses: Action<DescribeAddressesRequest, DescribeAddressesResult> = ({
  input,
  region,
}) => ({
  Addresses: filtered(byId(region.addresses, input.AllocationIds, noAddress), input.Filters, {
    'allocation-id': (address) => address.AllocationId,
    'instance-id': (address) => address.InstanceId,
    'public-ip': (address) => address.PublicIp,
    domain: (address) => address.Domain,
  }),
})

export const releaseAddress: Action<ReleaseAddressRequest, object> = ({ input, region }) => {
  const id = input.AllocationId ?? ''
  const [address] = byId(region.addresses, [id], noAddress)
  if (address?.AssociationId !== undefined)
    refuse('InvalidIPAddress.InUse', `The address ${address.PublicIp ?? ''} is in use.`)
  region.addresses.delete(id)
  return {}
}
