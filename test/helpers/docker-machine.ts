import { symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { type Outcome, PROGRAM, type RunOptions, TestUser } from './cli.js'

/** A user who reaches the program through a link named `docker-machine`, as scripts and CI runners do. */
export class DockerMachineUser extends TestUser {
  /** Executable, so it also works for a caller that looks it up on PATH. */
  readonly link: string

  constructor(options: { store?: string; program?: string } = {}) {
    super(options)
    this.link = join(this.home, 'docker-machine')
    symlinkSync(options.program ?? PROGRAM, this.link)
  }

  /** Runs `docker-machine ARGS`, crash reports off. */
  async machine(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return await this.run(this.link, ['--bugsnag-api-token=no-report', ...args], options)
  }

  /** The same; a failure is an error with all that it printed. */
  async done(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const { code, signal, stdout, stderr } = await this.machine(args, options)
    if (code === 0) return stdout
    throw new Error(`docker-machine ${args.join(' ')} ended with ${code ?? signal}\n${stdout}\n${stderr}`)
  }
}
