import type { Part } from '../common/cloud/part.js'
import type { Ec2Account } from './account.js'
import { ifThere } from './errors.js'
import { VOLUME } from './kinds.js'

/** Volumes go with their instances; one that was left behind is only removed. */
export const volumePart: Part<Ec2Account> = {
  kind: VOLUME,
  text: 'volume',
  keys: () => [],
  find: () => Promise.resolve(undefined),
  make: () => Promise.reject(new Error('volumes are made with their instances')),
  async remove(account, { id = '' }, _machine, signal) {
    const asked = account.api.call('DeleteVolume', { VolumeId: id }, signal, { settling: ['VolumeInUse'] })
    await ifThere(asked, 'InvalidVolume.NotFound')
  },
}
