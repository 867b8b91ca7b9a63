/** Looks for a token in everything that a user of the program can come across. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'
import { DigitalOceanDouble } from '../doubles/digitalocean/index.js'
import { type Outcome, type RunOptions, TestUser } from './cli.js'

/** No token of anybody: if it is found anywhere, it came from here. */
export const CANARY = 'dop_v1_canary+/=0123456789abcdef'
const FORMS = [CANARY, encodeURIComponent(CANARY), Buffer.from(CANARY).toString('base64')]

interface WatchOptions extends Pick<RunOptions, 'env' | 'input' | 'cwd'> {
  readonly token?: string
  /** Ctrl-C's kinder sister is sent once this holds. */
  readonly stopWhen?: () => boolean
}

/** A user of a double that knows the canary alone, and all that they have seen. */
export class Watched {
  readonly outputs: string[] = []
  readonly commandLines = new Set<string>()

  constructor(
    readonly user: TestUser,
    readonly double: DigitalOceanDouble,
  ) {}

  static async begin(t: Test): Promise<Watched> {
    const double = await DigitalOceanDouble.start({ token: CANARY })
    t.teardown(() => double.close())
    const user = new TestUser()
    t.teardown(() => user.cleanUp())
    return new Watched(user, double)
  }

  /** Runs the program with `--debug` and notes what it prints and how its processes are called. */
  async run(args: readonly string[], options: WatchOptions = {}): Promise<Outcome> {
    const { token, stopWhen, ...others } = options
    const env = {
      ...others.env,
      DIGITALOCEAN_API_URL: this.double.url,
      ...(token === undefined ? {} : { DIGITALOCEAN_ACCESS_TOKEN: token }),
    }
    const outcome = await this.user.tsmachine(['--debug', ...args], {
      ...others,
      env,
      limitMs: 60_000,
      started: (child) =>
        void this.#watch(
          child.pid ?? 0,
          () => child.exitCode === null && child.signalCode === null,
          () => child.kill('SIGTERM'),
          stopWhen,
        ),
    })
    this.outputs.push(outcome.stdout, outcome.stderr)
    return outcome
  }

  async #watch(pid: number, runs: () => boolean, stop: () => void, stopWhen?: () => boolean): Promise<void> {
    for (let told = false; runs(); await new Promise((resolve) => setTimeout(resolve, 50))) {
      this.#noteCommandLines(pid)
      if (!told && stopWhen?.()) {
        told = true
        stop()
      }
    }
  }

  /** The program's own and its children's. */
  #noteCommandLines(pid: number): void {
    try {
      this.commandLines.add(readFileSync(`/proc/${pid}/cmdline`, 'utf8'))
      for (const child of readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
        .split(' ')
        .filter(Boolean))
        this.#noteCommandLines(Number(child))
    } catch {
      // It has ended meanwhile.
    }
  }

  /** Files below the user's folder that hold the canary in any form. */
  leaks(): string[] {
    const files = readdirSync(this.user.home, { recursive: true, withFileTypes: true })
    return files
      .filter((file) => file.isFile())
      .map((file) => join(file.parentPath, file.name))
      .filter((path) => holdsCanary(readFileSync(path, 'latin1')))
  }
}

/** As it is, and in the forms that it has in a URL and in base64. */
export const holdsCanary = (text: string): boolean => FORMS.some((form) => text.includes(form))
