import type {
  CancelSpotInstanceRequestsRequest,
  CancelSpotInstanceRequestsResult,
  DescribeSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsResult,
} from '@aws-sdk/client-ec2'
import { refuse } from '../errors.js'
import { byId, filtered, page } from '../filters.js'
import type { Action } from '../state.js'

function missing(ids: readonly string[]): never {
  return refuse(
    'InvalidSpotInstanceRequestID.NotFound',
    `The spot instance request ID '${ids.join(', ')}' does not exist`,
  )
}

export const describeSpotInstanceRequests: Action<
  DescribeSpotInstanceRequestsRequest,
  DescribeSpotInstanceRequestsResult
> = ({ input, region }) => {
  const named = byId(region.spotRequests, input.SpotInstanceRequestIds, missing)
  const found = filtered(named, input.Filters, {
    'spot-instance-request-id': (each) => each.SpotInstanceRequestId,
    'instance-id': (each) => each.InstanceId,
    state: (each) => each.State,
    type: (each) => each.Type,
  })
  const { items, NextToken } = page(found, input)
  return { SpotInstanceRequests: items, NextToken }
}

/** The instance stays. */
export const cancelSpotInstanceRequests: Action<
  CancelSpotInstanceRequestsRequest,
  CancelSpotInstanceRequestsResult
> = ({ input, region }) => {
  const requests = byId(region.spotRequests, input.SpotInstanceRequestIds, missing)
  for (const request of requests) if (request.State !== 'closed') request.State = 'cancelled'
  return {
    CancelledSpotInstanceRequests: requests.map(({ SpotInstanceRequestId }) => ({
      SpotInstanceRequestId,
      State: 'cancelled',
    })),
  }
}
