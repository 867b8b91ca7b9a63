import { Crowd } from '../util/crowd.js'
import type { SharedDeadline } from '../util/wait.js'
import { readOnce } from './client-pem.js'
import type { MachineContext } from './context.js'
import type { OpenMachine } from './open.js'
import { askEngine } from './verify.js'

/** A connection each: far from what a process may open that is allowed no more than 256 files. */
const ASKED_AT_ONCE = 64

/** The engines of one listing. What their machines have in common is read once. */
export class ListedEngines {
  readonly #crowd: Crowd
  readonly #readPem = readOnce()

  constructor(
    ctx: MachineContext,
    private readonly deadline: SharedDeadline,
    timeoutMs: number,
  ) {
    const { clock } = ctx
    const { signal } = deadline
    this.#crowd = new Crowd({ atOnce: ASKED_AT_ONCE, clock, totalMs: timeoutMs, signal })
  }

  /** Version of an engine, bare. @throws the probe's own error, or `timeout` */
  async version(open: OpenMachine): Promise<string> {
    const ask = async (signal: AbortSignal): ReturnType<typeof askEngine> =>
      await askEngine(open, signal, this.#readPem)
    const what = `the engine of ${open.name}`
    return (await this.deadline.within(what, async () => await this.#crowd.ask(ask))).version
  }
}
