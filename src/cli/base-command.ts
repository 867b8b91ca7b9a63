import { Command, type Config } from '@oclif/core'
import { MachineError } from '../contracts/errors.js'
import type { Report } from '../contracts/events.js'
import type { Profile } from '../contracts/profile.js'
import type { MachineContext } from '../machine/context.js'
import { dockerMachineStory } from '../ui/docker-machine-story.js'
import { createReporter } from '../ui/reporter.js'
import { neutralise } from '../util/text.js'
import { type Answer, type AnswerInput, printed } from './answers/answer.js'
import { words } from './args.js'
import { machineContext } from './context.js'
import { ExitStatus } from './failure.js'
import { GLOBAL_FLAGS, type GivenGlobals, globalOptions } from './global-flags.js'
import { partDocument, resultDocument } from './json-document.js'
import { endSession, type GlobalOptions, type Session, sessionOf } from './session.js'

/** What all commands share: global flags, the context of use cases, and the two ways to answer. */
export abstract class BaseCommand extends Command {
  static override baseFlags = GLOBAL_FLAGS
  #globals: GlobalOptions | undefined
  #closeReporter: (() => void) | undefined

  /** Runs a command with the Config that our session is bound to (oclif's own `run` would load another one). */
  static async runBound(argv: readonly string[], config: Config): Promise<void> {
    const command = Reflect.construct(this, [[...argv], config]) as BaseCommand
    await command._run()
  }

  protected get session(): Session {
    return sessionOf(this.config)
  }

  protected get profile(): Profile {
    return this.session.profile
  }

  /** Whether one JSON document is the answer. */
  protected get json(): boolean {
    return this.#globals?.json === true
  }

  /** Builds the context of use cases from the parsed flags. Call once, after `parse`. */
  protected context(flags: GivenGlobals): MachineContext {
    const globals = this.takeGlobals(flags)
    const theirs = this.profile.story === 'docker-machine'
    const reporter = createReporter({
      mode: globals.json ? 'json' : theirs ? 'plain' : 'auto',
      ...(theirs ? { story: dockerMachineStory(this.id ?? '') } : {}),
      stream: this.profile.progress === 'stdout' && !globals.json ? process.stdout : process.stderr,
      debug: globals.debug,
      debugStream: process.stderr,
    })
    this.#closeReporter = () => reporter.close()
    return machineContext(this.session, globals, reporter.report, (work) => reporter.hold(work))
  }

  /** As `context`, with the story sent to stderr under every name: the answer is evaluated by a shell. */
  protected quietContext(flags: GivenGlobals): MachineContext {
    const report: Report = (event) => {
      if (event.type === 'warn' || event.type === 'error') process.stderr.write(`${neutralise(event.text)}\n`)
    }
    return machineContext(this.session, this.takeGlobals(flags), report)
  }

  protected takeGlobals(flags: GivenGlobals): GlobalOptions {
    this.#globals = globalOptions(this.session.env, this.session.given, flags)
    return this.#globals
  }

  /** What the verbs that read records answer from. */
  protected input(argv: readonly unknown[], flags: GivenGlobals): AnswerInput {
    const ctx = this.quietContext(flags)
    const usage = this.usage.bind(this)
    return { ctx, session: this.session, json: this.json, names: words(argv), usage }
  }

  protected give({ result, text }: Answer): void {
    this.answer(result, text)
  }

  /** Prints the answer: the text, or with `--json` the one document that holds `result`. */
  protected answer(result: unknown, text: string): void {
    this.#closeReporter?.()
    if (this.json) process.stdout.write(resultDocument((this.id ?? '').replace(':', ' '), result))
    else process.stdout.write(printed(text, process.stdout.isTTY))
  }

  /** Says something beside the answer, whatever the story was told with. */
  protected aside(text: string): void {
    this.#closeReporter?.()
    process.stderr.write(neutralise(text))
  }

  /** Prints what was done although something failed. @throws the failure, or with `--json`, which holds it, its status */
  protected answerPart(result: unknown, text: string, error: MachineError): never {
    if (!this.json) {
      this.answer(result, text)
      throw error
    }
    this.#closeReporter?.()
    const { exitCode } = error
    const { program } = this.profile
    const command = (this.id ?? '').replace(':', ' ')
    process.stdout.write(partDocument(command, result, error, { exitCode, program }))
    throw new ExitStatus(exitCode)
  }

  /** A usage error in docker-machine's words. */
  protected usage(message: string, ...hints: string[]): MachineError {
    const help = `See '${this.config.bin} ${(this.id ?? '').replace(':', ' ')} --help'.`
    return new MachineError('usage', message, { hints: [...hints, help] })
  }

  /** Ends what drivers have started, and the live step list before errors are shown. */
  protected override async finally(_error: Error | undefined): Promise<void> {
    await endSession(this.session)
    this.#closeReporter?.()
  }

  /** Errors go up to `run`, which alone shows them. */
  protected override catch(error: Error): Promise<void> {
    throw error
  }
}
