import type { Json } from '../../../src/contracts/json.js'
import { Description } from '../cloud/description.js'
import { CloudDouble, type DoubleOptions, type Handler } from '../cloud/double.js'
import type { Refusal } from '../cloud/http.js'
import { SlidingWindows } from '../cloud/rate-limit.js'
import { dropletHandlers } from './droplets.js'
import { reachablePorts } from './firewall-rules.js'
import { firewallHandlers } from './firewalls.js'
import {
  accountHandlers,
  keyHandlers,
  networkHandlers,
  projectHandlers,
  tagHandlers,
  volumeHandlers,
} from './resources.js'
import { Account } from './state.js'
import { WORDS } from './words.js'

export { TOKEN } from '../cloud/double.js'

/** A server that answers like DigitalOcean's API. */
export class DigitalOceanDouble extends CloudDouble {
  readonly account: Account
  protected readonly handlers: Readonly<Record<string, Handler>>
  protected readonly limit: SlidingWindows
  protected readonly words = WORDS

  private constructor(description: Description, options: DoubleOptions) {
    super(description, options)
    const { timeline, conditions, times, violations } = this
    this.account = new Account(timeline, conditions, times, () => this.guests, violations)
    this.limit = new SlidingWindows(timeline.clock, { hour: 5000, minute: 250 })
    const parts = [
      ...[accountHandlers, keyHandlers, dropletHandlers, firewallHandlers],
      ...[tagHandlers, volumeHandlers, networkHandlers, projectHandlers],
    ]
    this.handlers = Object.assign({}, ...parts.map((part) => part(this.account))) as Record<string, Handler>
  }

  static async start(options: DoubleOptions = {}): Promise<DigitalOceanDouble> {
    const double = new DigitalOceanDouble(await Description.load('digitalocean.json', '/'), options)
    await double.listen()
    return double
  }

  /** The base, without /v2. */
  get url(): string {
    return this.origin
  }

  inventory(): readonly string[] {
    this.timeline.settle()
    const { droplets, keys, firewalls, volumes, reserved } = this.account
    return [
      ...[...droplets.values()].map(({ id, name }) => `droplet ${name} (${id})`),
      ...[...keys.values()].map(({ id, name }) => `ssh key ${name} (${id})`),
      ...[...firewalls.values()].map(({ id, name }) => `firewall ${name} (${id})`),
      ...[...volumes.values()].map(({ id, name }) => `volume ${name} (${id})`),
      ...[...reserved.keys()].map((ip) => `reserved ip ${ip}`),
    ]
  }

  /** Tags that nothing has any more: the provider keeps them, and does not charge for them. */
  unusedTags(): readonly string[] {
    const { tags, droplets, volumes, firewalls } = this.account
    const used = [...droplets.values(), ...volumes.values(), ...firewalls.values()].flatMap((one) => [
      ...one.tags,
    ])
    return [...tags].filter((tag) => !used.includes(tag))
  }

  /** Ports of a droplet that its firewalls open to an address. */
  reachable(name: string, caller: string): readonly number[] {
    const droplet = [...this.account.droplets.values()].find((one) => one.name === name)
    if (!droplet) throw new Error(`there is no droplet ${name}`)
    return reachablePorts(this.account, droplet, caller)
  }

  protected refusalBody({ code, message }: Refusal): Json {
    return { id: code, message, request_id: '00000000-0000-4000-8000-000000000000' }
  }
}
