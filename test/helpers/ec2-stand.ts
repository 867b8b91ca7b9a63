import {
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
  type EC2ClientConfig,
  type Instance,
  RunInstancesCommand,
  type RunInstancesCommandInput,
} from '@aws-sdk/client-ec2'
import type { Test } from 'tap'
import { silenceSdk } from '../../src/util/aws-environment.js'
import { CREDENTIAL, Ec2Double, type Ec2Options } from '../doubles/ec2/index.js'

silenceSdk()

/** Our double of EC2, and the SDK's client at it. */
export interface Stand {
  readonly double: Ec2Double
  readonly ec2: EC2Client
}

export const REGION = 'us-east-1'

export async function stand(t: Test, options: Ec2Options = {}): Promise<Stand> {
  const double = await Ec2Double.start(options)
  const ec2 = clientOf(double)
  t.teardown(async () => {
    ec2.destroy()
    await double.close()
  })
  return { double, ec2 }
}

/** One that asks once, unless it is told otherwise. */
export function clientOf(double: Ec2Double, options: EC2ClientConfig = {}): EC2Client {
  return new EC2Client({
    endpoint: double.url,
    region: REGION,
    credentials: CREDENTIAL,
    maxAttempts: 1,
    ...options,
  })
}

export async function debian({ ec2 }: Stand, arch = 'amd64'): Promise<string> {
  const { Images = [] } = await ec2.send(
    new DescribeImagesCommand({
      Owners: ['136693071363'],
      Filters: [{ Name: 'name', Values: [`debian-13-${arch}-*`] }],
    }),
  )
  const newest = [...Images].sort((a, b) => (a.CreationDate ?? '').localeCompare(b.CreationDate ?? '')).pop()
  return newest?.ImageId ?? ''
}

export async function run(at: Stand, more: Partial<RunInstancesCommandInput> = {}): Promise<Instance> {
  const { Instances } = await at.ec2.send(
    new RunInstancesCommand({
      ...('ImageId' in more ? {} : { ImageId: await debian(at) }),
      InstanceType: 't3.small',
      MinCount: 1,
      MaxCount: 1,
      ...more,
    }),
  )
  return Instances?.[0] ?? {}
}

export async function look({ ec2 }: Stand, id: string | undefined): Promise<Instance> {
  const { Reservations } = await ec2.send(new DescribeInstancesCommand({ InstanceIds: [id ?? ''] }))
  return Reservations?.[0]?.Instances?.[0] ?? {}
}

/** `CODE: words` of a refusal, else `not refused`. */
export async function refused(promise: Promise<unknown>): Promise<string> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  return error instanceof Error ? `${error.name}: ${error.message}` : 'not refused'
}
