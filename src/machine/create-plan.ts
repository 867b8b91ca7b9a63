/** What all machines of one create have in common: read, checked and opened once. */
import { checkChoices } from '../../provision/plan.js'
import type { Driver, DriverFactory, FlagValues } from '../contracts/driver.js'
import { MachineError } from '../contracts/errors.js'
import type { JsonObject } from '../contracts/json.js'
import type { MachineOptions } from '../contracts/record.js'
import { parseJump } from '../ssh/jump.js'
import { unlessAborted } from '../util/abort.js'
import { withAccessChoice } from './access.js'
import type { MachineContext } from './context.js'
import { type GivenFiles, readGivenFiles } from './given-files.js'
import {
  keepSecrets,
  type KeptSecrets,
  refusePlace,
  resolveGiven,
  type SecretPlace,
  type SecretValues,
  splitSecrets,
} from './secrets.js'

/** What the user asked for, whatever the machines are called. */
export interface CreateChoices {
  readonly driver: string
  /** Driver flags, merged with environment and defaults. */
  readonly flagValues: FlagValues
  readonly options: MachineOptions
  /** Where secrets that were given stay; absent: in the store's backend. */
  readonly secretPlace?: SecretPlace
}

export interface CreatePlan {
  readonly factory: DriverFactory
  /** One for all machines: it asks the provider once for what all of them want to know. */
  readonly driver: Driver
  readonly config: JsonObject
  readonly options: MachineOptions
  readonly secrets: SecretValues
  readonly given: GivenFiles
  /** Keeps the secrets when the first machine is about to be recorded. */
  readonly kept: () => Promise<KeptSecrets>
}

/** @throws MachineError `usage` or `preflight` for what would be wrong with every machine */
export async function planCreate(ctx: MachineContext, choices: CreateChoices): Promise<CreatePlan> {
  const factory = await ctx.drivers.load(choices.driver)
  const options = withEngineAccess(withAccessChoice(ctx, factory, choices.options))
  const { flagValues, references } = await resolveGiven(ctx, factory, choices.flagValues)
  const { config, values } = splitSecrets(factory, parseConfig(factory, flagValues))
  checkChoices(options.engine)
  refuseAuthorizedKeys(factory, options)
  checkSsh(factory, options)
  refusePlace(factory, values, choices.secretPlace)
  // A pipe, or a standard input that nobody closes, does not say when it answers.
  const given = await unlessAborted(readGivenFiles(factory, config), ctx.signal)
  let kept: Promise<KeptSecrets> | undefined
  return {
    factory,
    driver: await factory.open(ctx.driverDeps),
    config,
    options,
    secrets: values,
    given,
    kept: () => (kept ??= keepSecrets(ctx, factory, { values, references }, choices.secretPlace)),
  }
}

function parseConfig(factory: DriverFactory, values: FlagValues): JsonObject {
  const parsed = factory.parse(values)
  if (parsed.ok) return parsed.config
  throw new MachineError(
    'usage',
    `Error setting machine configuration from flags provided: ${parsed.faults.join('; ')}`,
    {
      hints: [`tsmachine create --driver ${factory.name} --help`],
    },
  )
}

/** Only a host of our own making is told who may log in. */
function refuseAuthorizedKeys(factory: DriverFactory, options: MachineOptions): void {
  const { name, capabilities } = factory
  const isOurs = capabilities.ssh && capabilities.hostKey === 'given' && factory.login === undefined
  if (isOurs || !options.authorizedKeys?.length) return
  throw new MachineError('usage', `--authorized-key is for hosts that we make, not for those of ${name}`, {
    hints: ['Put the key on the host yourself: ssh-copy-id'],
  })
}

/** Behind a jump host nothing but SSH is reached. */
function withEngineAccess(options: MachineOptions): MachineOptions {
  return options.sshJump === undefined ? options : { ...options, engineAccess: 'ssh' }
}

function checkSsh({ name, capabilities }: DriverFactory, { sshJump, engineAccess }: MachineOptions): void {
  if (sshJump !== undefined) parseJump(sshJump)
  if (engineAccess === undefined || capabilities.ssh) return
  const flag = sshJump === undefined ? '--engine-access' : '--ssh-jump'
  throw new MachineError('usage', `${flag}: machines of the ${name} driver are not reached over SSH`)
}
