import type { Filter, Instance } from '@aws-sdk/client-ec2'
import type { AccountDesk, RateBudget, RateLimit } from '../../contracts/account.js'
import type { Clock } from '../../contracts/clock.js'
import type { DriverAccount, DriverDeps, FoundResource, JsonObject } from '../../contracts/driver.js'
import { FOR_GOOD, Memory } from '../common/api/memory.js'
import { allPages } from '../common/api/pages.js'
import { perAccount, placeKey } from '../common/api/per-account.js'
import { Poll } from '../common/api/poll.js'
import type { CloudAccount, CloudServer, PowerAction } from '../common/cloud/account.js'
import { Ec2Api } from './client.js'
import { keysOf, readConfig } from './config.js'
import { ifThere } from './errors.js'
import { foundOthers } from './found-others.js'
import { ALIVE, cloudServer, groupIds, stateName } from './instances.js'
import { MARKER, tagList } from './tags.js'

/** The largest page of DescribeInstances. */
const PAGE_SIZE = 1_000
const GONE = ['InvalidInstanceID.NotFound', 'InvalidInstanceID.Malformed']
/** A new instance is not known everywhere at once. */
export const NEW_INSTANCE = ['InvalidInstanceID.NotFound']

/** One set of credentials in one region. */
export class Ec2Account implements CloudAccount {
  readonly servers: Poll<CloudServer>
  readonly #memory: Memory

  constructor(
    readonly api: Ec2Api,
    readonly desk: AccountDesk,
    readonly clock: Clock,
  ) {
    this.#memory = new Memory(clock)
    // Whoever waits for an instance must see that it has ended, and why.
    this.servers = new Poll({ list: (signal) => this.#tagged([], signal), clock, pageSize: PAGE_SIZE })
  }

  /** Instances that are going or gone are nobody's any more. */
  async listServers(signal: AbortSignal): Promise<readonly CloudServer[]> {
    return await this.#tagged([{ Name: 'instance-state-name', Values: ALIVE }], signal)
  }

  async server(id: string, signal: AbortSignal): Promise<CloudServer | undefined> {
    const found = await this.instance(id, signal)
    return found && stateName(found) !== 'terminated' ? cloudServer(found, this.api.region) : undefined
  }

  async instance(id: string, signal: AbortSignal): Promise<Instance | undefined> {
    const asked = this.api.call('DescribeInstances', { InstanceIds: [id] }, signal)
    return (await ifThere(asked, ...GONE))?.Reservations?.[0]?.Instances?.[0]
  }

  async power(id: string, action: PowerAction, signal: AbortSignal): Promise<void> {
    const InstanceIds = [id]
    if (action === 'on') await this.api.call('StartInstances', { InstanceIds }, signal)
    else await this.api.call('StopInstances', { InstanceIds, Force: action === 'off' }, signal)
  }

  async label(id: string, tags: Readonly<Record<string, string>>, signal: AbortSignal): Promise<void> {
    const input = { Resources: [id], Tags: tagList(tags) }
    await this.api.call('CreateTags', input, signal, { settling: NEW_INSTANCE })
  }

  async console(id: string, signal: AbortSignal): Promise<string> {
    const { Output = '' } = await this.api.call('GetConsoleOutput', { InstanceId: id }, signal)
    return Buffer.from(Output, 'base64').toString('utf8')
  }

  async listOthers(_account: DriverAccount, signal: AbortSignal): Promise<readonly FoundResource[]> {
    return await foundOthers(this.api, signal)
  }

  /** Puts an instance into these security groups and no others. */
  async setGroups(
    id: string,
    change: (now: readonly string[]) => readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const instance = await this.instance(id, signal)
    if (!instance) return
    const now = groupIds(instance)
    const wanted = [...new Set(change(now))]
    if (wanted.length === now.length && wanted.every((group) => now.includes(group))) return
    const input = { InstanceId: id, Groups: wanted }
    await this.api.call('ModifyInstanceAttribute', input, signal, { settling: ['InvalidGroup.NotFound'] })
  }

  /** The same credentials in another region. */
  elsewhere(region: string): Ec2Api {
    return this.api.inRegion(region)
  }

  /** What does not change while a process runs is asked for once (images, subnets, types). */
  async remember<T>(key: string, signal: AbortSignal, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await this.#memory.once(key, FOR_GOOD, signal, ask)
  }

  async #tagged(filters: readonly Filter[], signal: AbortSignal): Promise<readonly CloudServer[]> {
    const instances = await allPages('the instances', async (cursor) => {
      const answer = await this.api.call(
        'DescribeInstances',
        {
          Filters: [{ Name: 'tag-key', Values: [MARKER] }, ...filters],
          MaxResults: PAGE_SIZE,
          ...(cursor === undefined ? {} : { NextToken: String(cursor) }),
        },
        signal,
      )
      const items = (answer.Reservations ?? []).flatMap(({ Instances = [] }) => Instances)
      return { items, next: answer.NextToken }
    })
    return instances.map((instance) => cloudServer(instance, this.api.region))
  }
}

export function openAccount(config: JsonObject, deps: DriverDeps): Promise<Ec2Account> {
  const { region, endpoint, profile, retries } = readConfig(config)
  const place = placeKey('amazonec2', endpoint, region)
  const desk = deps.account(place)
  const api = new Ec2Api({
    region,
    endpoint,
    profile,
    keys: keysOf(config),
    retries,
    clock: deps.clock,
    budget: budgets(desk, deps, place),
    ...(deps.debug ? { log: deps.debug } : {}),
  })
  return Promise.resolve(new Ec2Account(api, desk, deps.clock))
}

/** One an action and place: EC2 counts the calls of an account, whichever of its keys or sessions made them. */
function budgets(desk: AccountDesk, deps: DriverDeps, place: string): (limit: RateLimit) => RateBudget {
  const known = perAccount(deps, `budgets of ${place}`, () => new Map<string, RateBudget>())
  return (limit) => {
    const budget = known.get(limit.name) ?? desk.budget(limit)
    known.set(limit.name, budget)
    return budget
  }
}
