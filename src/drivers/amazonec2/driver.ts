import type {
  AccessRules,
  ConsoleOptions,
  DriverAccount,
  DriverDeps,
  DriverEvent,
  DriverMachine,
  InventoryPlace,
  MachineSpec,
} from '../../contracts/driver.js'
import { MachineError } from '../../contracts/errors.js'
import { type CloudDefinition, CloudDriver } from '../common/cloud/driver.js'
import { serverOf } from '../common/cloud/part.js'
import { type Ec2Account, openAccount } from './account.js'
import { accountKey, readConfig, reachOf } from './config.js'
import { templatePart } from './fleet.js'
import { firewalls, namedGroupPart } from './groups.js'
import { keyPairPart, machineKeyPart } from './keys.js'
import { preflight } from './preflight.js'
import { serverPart } from './server.js'
import { volumePart } from './volumes.js'

/** Looked at by those who make something, not by readers of records. */
const definition: CloudDefinition<Ec2Account> = {
  accountKey,
  openAccount: (config, deps) => openAccount(config, deps),
  get parts() {
    return [volumePart, machineKeyPart, keyPairPart, namedGroupPart, firewalls.part, templatePart, serverPart]
  },
  get firewalls() {
    return firewalls
  },
  reach: reachOf,
  preflight: (account, spec, signal) => preflight(account, spec, signal),
}

const FOLLOW_MS = 5_000

/** EC2: what all clouds share, and the console. */
export class Ec2Driver extends CloudDriver<Ec2Account> {
  constructor(deps: DriverDeps) {
    super(definition, deps)
  }

  override async *create(spec: MachineSpec, signal: AbortSignal): AsyncIterable<DriverEvent> {
    for (const text of obsolete(spec)) yield { type: 'log', level: 'warn', text }
    yield* super.create(spec, signal)
  }

  override async *setAccess(
    machine: DriverMachine,
    access: AccessRules,
    signal: AbortSignal,
  ): AsyncIterable<DriverEvent> {
    if (readConfig(machine.config).securityGroupReadonly) {
      const text = 'The security groups are left as they are (--amazonec2-security-group-readonly)'
      yield { type: 'log', level: 'info', text }
      return
    }
    yield* super.setAccess(machine, access, signal)
  }

  /** Every region that the account has enabled. */
  override async places({ config }: DriverAccount, signal: AbortSignal): Promise<readonly InventoryPlace[]> {
    const { Regions = [] } = await (await this.account({ config })).api.call('DescribeRegions', {}, signal)
    const regions = [readConfig(config).region, ...Regions.map(({ RegionName = '' }) => RegionName)]
    return [...new Set(regions)].map((region) => {
      const there = { ...config, region }
      return { key: accountKey(there), config: there }
    })
  }

  /** EC2 keeps the last 64 KiB, and renews them within a minute or so. */
  async *console(machine: DriverMachine, options: ConsoleOptions): AsyncIterable<string> {
    const signal = options.signal ?? new AbortController().signal
    const account = await this.account(machine)
    const id = serverOf(machine.resources)?.id
    if (id === undefined)
      throw new MachineError('driver', `"${machine.name}" has no instance`, { machine: machine.name })
    let shown = ''
    for (let first = true; first || options.follow; first = false) {
      const text = await account.console(id, signal)
      const fresh = text.startsWith(shown) ? text.slice(shown.length) : text
      const wanted = first ? lastLines(fresh, options.lines) : fresh
      if (wanted !== '') yield wanted
      shown = text
      if (!options.follow || (await this.#isInterrupted(signal))) return
    }
  }

  async #isInterrupted(signal: AbortSignal): Promise<boolean> {
    await this.deps.clock.sleep(FOLLOW_MS, signal).catch(() => undefined)
    return signal.aborted
  }
}

function lastLines(text: string, lines: number | undefined): string {
  if (lines === undefined) return text
  const all = text.split('\n')
  return all.slice(Math.max(0, all.length - lines - (text.endsWith('\n') ? 1 : 0))).join('\n')
}

function obsolete({ config }: MachineSpec): readonly string[] {
  const { blockDurationMinutes } = readConfig(config)
  return blockDurationMinutes > 0
    ? ['--amazonec2-block-duration-minutes is ignored: AWS gave up Spot blocks in 2022']
    : []
}
