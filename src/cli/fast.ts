/**
 * The short way of the verbs that prompts and CI run per job: no oclif, no SDK, and the same functions as their commands.
 * What is not plain is left to the whole program, before anything was printed: an error, a warning, a machine whose engine is
 * reached through a helper.
 */
import { writeSync } from 'node:fs'
import { type Profile, profileFor } from '../contracts/profile.js'
import { timeoutSignal } from '../util/abort.js'
import { activeAnswer, ACTIVE_TIMEOUT } from './answers/active.js'
import { ipAnswer, urlAnswer } from './answers/address.js'
import { type Answer, type AnswerInput, printed } from './answers/answer.js'
import { configAnswer } from './answers/config.js'
import { envAnswer } from './answers/env.js'
import { inspectAnswer } from './answers/inspect.js'
import { namesAnswer } from './answers/names.js'
import { askPlainly } from '../machine/verify.js'
import { machineContext } from './context.js'

/** A command line that `bin/hot-forms.cjs` has read. */
export interface HotForm {
  readonly verb: string
  readonly names: readonly string[]
  readonly flags: Readonly<Record<string, string | boolean>>
}

type Flags = HotForm['flags']

const ANSWERS: Readonly<Record<string, (input: AnswerInput, flags: Flags) => Promise<Answer>>> = {
  env: (input, flags) =>
    envAnswer(input, {
      shell: textOf(flags['shell']),
      unset: flags['unset'] === true,
      swarm: false,
      'no-proxy': flags['no-proxy'] === true,
    }),
  ip: ipAnswer,
  url: urlAnswer,
  active: (input) => activeAnswer(input, { timeout: ACTIVE_TIMEOUT }),
  config: (input) => configAnswer(input, { ask: askPlainly }),
  inspect: (input, flags) => inspectAnswer(input, { format: textOf(flags['format']) }),
  // As the command, which takes no notice of names.
  ls: (input) => Promise.resolve(namesAnswer(input)),
}

function textOf(value: Flags[string] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

/** Set by whoever looked at a part of the program that is not in this file (tools/bundle-hot.mjs). */
const LEFT_OUT = Symbol.for('tsmachine.left-out')

/** Time for an engine to answer; one that takes longer, or is not there, is asked once more by the whole program. */
const ENGINE_MS = 1_000

/** `unsaid`: nothing was printed, the whole program has to answer. `saying`: the rest leaves when its reader takes it. */
export type Answered = 'said' | 'saying' | 'unsaid'

/** Prints the answer. */
export async function answerFast(
  { verb, names, flags }: HotForm,
  argv: readonly string[],
  calledAs: string,
): Promise<Answered> {
  let text: string
  try {
    const answer = ANSWERS[verb]
    if (!answer) return 'unsaid'
    const said = await answer({ ...input(profileFor(calledAs), argv), names }, flags)
    text = printed(said.text, process.stdout.isTTY)
  } catch {
    return 'unsaid'
  }
  // Somebody may have caught what a missing part threw.
  if (LEFT_OUT in globalThis) return 'unsaid'
  return print(Buffer.from(text))
}

function input(profile: Profile, argv: readonly string[]): Omit<AnswerInput, 'names'> {
  const { env } = process
  const session = {
    profile,
    argv: [profile.program, ...argv],
    given: {},
    view: { json: false, debug: false, command: '' },
    env,
    get signal() {
      return timeoutSignal(ENGINE_MS)
    },
  }
  const globals = { debug: false, json: false, nativeSsh: false, tlsFiles: {} }
  return { ctx: machineContext(session, globals, leave), session, json: false, usage: leave }
}

/** For what an answer alone does not hold. */
function leave(): never {
  throw new Error('for the whole program')
}

/** A pipe that is full takes the rest when there is room; one that nobody reads any more has had what it wanted. */
function print(bytes: Buffer): Answered {
  let done = 0
  try {
    while (done < bytes.length) done += writeSync(1, bytes, done)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'EAGAIN') {
      process.stdout.write(bytes.subarray(done))
      return 'saying'
    }
    if (code !== 'EPIPE') return done > 0 ? 'said' : 'unsaid'
  }
  return 'said'
}
