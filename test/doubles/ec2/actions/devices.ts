/** Disks of a launch: those of the image, as the request changes them, and its own. */
import type { BlockDeviceMapping, VolumeType } from '@aws-sdk/client-ec2'
import type { ImageFacts } from '../catalogue.js'
import { refuse } from '../errors.js'

export interface Device {
  readonly name: string
  readonly gib: number
  readonly type: VolumeType
  readonly encrypted: boolean
  readonly deleted: boolean
  readonly kmsKey?: string | undefined
  readonly iops?: number | undefined
  readonly throughput?: number | undefined
  readonly snapshot?: string | undefined
}

const TYPES: readonly string[] = ['gp2', 'gp3', 'io1', 'io2', 'st1', 'sc1', 'standard']
const WITH_IOPS: readonly string[] = ['gp3', 'io1', 'io2']

export function devicesFor(image: ImageFacts, asked: readonly BlockDeviceMapping[]): Device[] {
  const root = asked.find(({ DeviceName }) => DeviceName === image.device)
  const others = asked.filter((each) => each !== root)
  return [rootOf(image, root), ...others.map((each) => device(each, undefined))]
}

function rootOf(image: ImageFacts, asked: BlockDeviceMapping | undefined): Device {
  const snapshot = image.id.replace('ami-', 'snap-')
  const size = asked?.Ebs?.VolumeSize
  if (size !== undefined && size < image.gib)
    refuse(
      'InvalidBlockDeviceMapping',
      `Volume of size ${size}GB is smaller than snapshot '${snapshot}', expect size >= ${image.gib}GB`,
    )
  return device(
    { DeviceName: image.device, ...asked, Ebs: { VolumeSize: image.gib, VolumeType: 'gp3', ...asked?.Ebs } },
    snapshot,
  )
}

function device(
  { DeviceName: name = '', Ebs: ebs }: BlockDeviceMapping,
  snapshot: string | undefined,
): Device {
  const type = ebs?.VolumeType ?? 'gp2'
  if (name === '')
    refuse('MissingParameter', 'The request must contain the parameter BlockDeviceMapping.DeviceName')
  if (!TYPES.includes(type)) refuse('InvalidParameterValue', `Invalid volume type: ${type}`)
  if (ebs?.VolumeSize === undefined && ebs?.SnapshotId === undefined && snapshot === undefined)
    refuse('InvalidBlockDeviceMapping', `The device ${name} needs a size or a snapshot`)
  if (ebs?.KmsKeyId !== undefined && ebs.Encrypted !== true)
    refuse('InvalidParameterDependency', 'The parameter KmsKeyId requires the parameter Encrypted to be set.')
  if (ebs?.Iops !== undefined && !WITH_IOPS.includes(type))
    refuse('InvalidParameterCombination', `The parameter iops is not supported for ${type} volumes.`)
  if (ebs?.Throughput !== undefined && type !== 'gp3')
    refuse('InvalidParameterCombination', `The parameter throughput is not supported for ${type} volumes.`)
  return {
    name,
    type,
    gib: ebs?.VolumeSize ?? 8,
    encrypted: ebs?.Encrypted ?? false,
    deleted: ebs?.DeleteOnTermination ?? true,
    kmsKey: ebs?.KmsKeyId,
    iops: ebs?.Iops,
    throughput: ebs?.Throughput,
    snapshot,
  }
}
