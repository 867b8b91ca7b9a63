import { Args } from '@oclif/core'
import { words } from '../cli/args.js'
import { BaseCommand } from '../cli/base-command.js'
import { createFailure } from '../cli/create-failure.js'
import { Timeline } from '../cli/timeline.js'
import { isMachineError } from '../contracts/errors.js'
import type { StageTime } from '../contracts/events.js'
import { offerResume } from '../cli/confirm.js'
import { CREATE_FLAGS, DEFAULT_PARALLEL, machineOptions, secretPlace } from '../cli/create-flags.js'
import { DRIVER_FLAGS, driverValues } from '../cli/driver-flags.js'
import { furtherDriver } from '../cli/driver-word.js'
import { furtherFlags } from '../cli/further-flags.js'
import { driversOf } from '../cli/session.js'
import {
  createMachine,
  createMachines,
  type CreateResult,
  resumeCreate,
  resumeCreates,
} from '../machine/create.js'
import { createNames } from '../machine/create-names.js'
import type { CreateChoices } from '../machine/create-plan.js'
import type { MachineContext } from '../machine/context.js'
import { timelineTable } from '../ui/timeline.js'

export default class Create extends BaseCommand {
  static override summary = 'Make a machine with a Docker engine that only you can reach.'
  static override usage = 'create [FLAGS] NAME...'
  static override strict = false
  static override description =
    'A create that fails keeps its record: --resume carries on from the step that failed, rm removes all of it. The exit status of several machines is 0 when all are ready; when all fail in the same way it is that of one (3 for a failed pre-create check), otherwise 1.'
  static override args = {
    name: Args.string({ description: 'Name of the new machine, or several', ignoreStdin: true }),
  }
  static override flags = { ...CREATE_FLAGS, ...DRIVER_FLAGS }
  static override examples = [
    '<%= config.bin %> create dev',
    '<%= config.bin %> create --qemu-memory 4096 --qemu-cpu-count 2 --qemu-disk-size 40000 web',
    '<%= config.bin %> create --driver generic --generic-ip-address 192.0.2.10 --generic-ssh-user admin box',
    '<%= config.bin %> create --driver none --url tcp://192.0.2.10:2376 other',
    '<%= config.bin %> create dev --resume',
    '<%= config.bin %> create -n 20 ci-{n}',
  ]

  override async run(): Promise<void> {
    const { argv, flags } = await this.parse(await this.withDriverFlags())
    const names = this.names(words(argv), flags.count)
    const [name] = names
    if (!name) throw this.usage('Error: No machine name specified')
    const untimed = this.context(flags)
    if (flags.resume) this.refuseChoices(flags)
    const timeline = flags.timing ? new Timeline(untimed.clock) : undefined
    const ctx = timeline ? { ...untimed, report: timeline.listen(untimed.report) } : untimed
    const several = names.length > 1 || flags.count !== undefined
    try {
      await (several
        ? this.createSeveral(ctx, names, flags, timeline)
        : this.createOne(ctx, name, flags, timeline))
    } catch (error) {
      this.tellFailed(error, several, timeline)
    }
    if (!this.json) this.tellTimes(timeline)
  }

  /** What the parser takes: the flags of a driver that is not built in, too. */
  private async withDriverFlags() {
    const { args, flags, strict } = Create
    const further = await furtherDriver(this.session, this.argv)
    const own = further ? furtherFlags(further) : {}
    return { args, strict, baseFlags: Create.baseFlags, flags: { ...flags, ...own } }
  }

  private async createOne(
    ctx: MachineContext,
    name: string,
    flags: Record<string, unknown>,
    timeline: Timeline | undefined,
  ): Promise<void> {
    const result = await this.inTheirWords(() =>
      flags['resume'] ? resumeCreate(ctx, name) : this.create(ctx, name, flags),
    )
    this.answer(timed(result, timeline), '')
    ctx.report({ type: 'info', text: this.nextStep(result) })
  }

  private async createSeveral(
    ctx: MachineContext,
    names: readonly string[],
    flags: Record<string, unknown> & { readonly parallel?: number | undefined; readonly resume: boolean },
    timeline: Timeline | undefined,
  ): Promise<void> {
    const many = { names, parallel: flags.parallel ?? DEFAULT_PARALLEL }
    const results = flags.resume
      ? await resumeCreates(ctx, many)
      : await createMachines(ctx, { ...many, ...(await this.choices(flags)) })
    this.answer({ machines: results.map((result) => timed(result, timeline)) }, '')
    ctx.report({ type: 'info', text: this.nextSteps(results) })
  }

  /** What was timed until a create failed is told before its failure. */
  private tellFailed(error: unknown, several: boolean, timeline: Timeline | undefined): never {
    const [first, ...more] = (timeline?.machines ?? []).map((name) => timed({ name }, timeline))
    if (first && this.json && isMachineError(error))
      this.answerPart(several ? { machines: [first, ...more] } : first, '', error)
    this.tellTimes(timeline)
    throw error
  }

  private tellTimes(timeline: Timeline | undefined): void {
    for (const name of timeline?.machines ?? []) this.aside(timelineTable(name, timeline?.of(name) ?? []))
  }

  private async inTheirWords(work: () => Promise<CreateResult>): Promise<CreateResult> {
    try {
      return await work()
    } catch (error) {
      throw this.profile.story === 'docker-machine' ? createFailure(error) : error
    }
  }

  /** Fleets that call docker-machine rely on its refusal of a second name. */
  private names(given: readonly string[], count: number | undefined): readonly string[] {
    const extra = given.slice(1)
    if (this.profile.story === 'docker-machine' && extra.length > 0)
      throw this.usage(`Invalid command line. Found extra arguments [${extra.join(' ')}]`)
    return createNames(given, count)
  }

  /** The record says what was chosen: another choice now would be ignored. */
  private refuseChoices(flags: Record<string, unknown>): void {
    const choices = Object.keys(flags).filter((name) => name in CREATE_FLAGS || name in DRIVER_FLAGS)
    const extra = choices.filter((name) => !WITH_RESUME.has(name)).map((name) => `--${name}`)
    if (extra.length > 0)
      throw this.usage(`--resume carries on with the choices of the first create, without ${extra.join(' ')}`)
  }

  private async create(
    ctx: MachineContext,
    name: string,
    flags: Record<string, unknown>,
  ): Promise<CreateResult> {
    if (await offerResume(ctx, name)) return await resumeCreate(ctx, name)
    return await createMachine(ctx, { name, ...(await this.choices(flags)) })
  }

  private async choices(flags: Record<string, unknown>): Promise<CreateChoices> {
    const { env } = this.session
    const given = typeof flags['driver'] === 'string' ? flags['driver'] : undefined
    const driver = given || env['MACHINE_DRIVER'] || this.profile.defaultDriver
    const flagValues = driverValues(await driversOf(this.session).load(driver), flags, env)
    const options = await machineOptions(flags, env)
    return { driver, flagValues, options, secretPlace: secretPlace(flags) }
  }

  private nextStep({ name, dockerContext }: CreateResult): string {
    const { program } = this.profile
    const text = `To see how to connect your Docker Client to the Docker Engine running on this virtual machine, run: ${program} env ${name}`
    return dockerContext === undefined
      ? text
      : `${text}\nOr use its Docker context: docker --context ${dockerContext} info`
  }

  private nextSteps(results: readonly CreateResult[]): string {
    const names = results.map(({ name }) => name)
    return `Made ${names.length} machines: ${names.join(' ')}\nTo use one of them: ${this.profile.program} env ${names[0] ?? 'NAME'}`
  }
}

/** With `timing`, when it was asked for. */
function timed<T extends { readonly name: string }>(
  result: T,
  timeline: Timeline | undefined,
): T & { readonly timing?: readonly StageTime[] } {
  return timeline ? { ...result, timing: timeline.of(result.name) } : result
}

/** What may be said of a create that is carried on with: which machines, and how many at once. */
const WITH_RESUME: ReadonlySet<string> = new Set(['resume', 'count', 'parallel', 'timing'])
