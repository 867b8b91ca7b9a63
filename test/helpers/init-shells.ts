import { existsSync, mkdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Test } from 'tap'
import { type Outcome, PROGRAM, type RunOptions, TestUser } from './cli.js'
import { runDir } from './run-dir.js'

/** A shell that takes what `shell-init` prints. */
export interface InitShell {
  readonly program: string
  readonly args: readonly string[]
  /** What `shell-init` is given. */
  readonly name: 'bash' | 'zsh' | 'fish' | 'sh'
}

export const BASH: InitShell = { program: 'bash', args: ['--norc', '-c'], name: 'bash' }
export const ZSH: InitShell = { program: 'zsh', args: ['-fc'], name: 'zsh' }
export const FISH: InitShell = { program: 'fish', args: ['--no-config', '-c'], name: 'fish' }
export const DASH: InitShell = { program: 'dash', args: ['-c'], name: 'sh' }
export const POSIX_SHELLS: readonly InitShell[] = [
  BASH,
  ZSH,
  DASH,
  { program: 'busybox', args: ['sh', '-c'], name: 'sh' },
  { program: 'ksh93', args: ['-c'], name: 'sh' },
  { program: 'yash', args: ['-c'], name: 'sh' },
]

/** A user who has the program in a directory of PATH, where each start of it is counted. */
export class ShellUser {
  readonly user: TestUser
  readonly #bin: string
  readonly #starts: string

  /** With a store in a directory of this name, whatever the name means to a shell. */
  constructor(
    t: Test,
    readonly name = 'tsmachine',
    store?: string,
  ) {
    this.user = new TestUser(store === undefined ? {} : { store: join(runDir('store'), store) })
    this.#bin = join(this.user.home, 'bin')
    this.#starts = join(this.user.home, 'starts')
    mkdirSync(this.#bin)
    this.ownProgram()
    t.teardown(async () => {
      await this.user.cleanUp()
      if (store !== undefined) rmSync(dirname(this.user.store), { recursive: true, force: true })
    })
  }

  ownProgram(): void {
    this.program(`TSMACHINE_CALLED_AS=${this.name} exec '${process.execPath}' '${PROGRAM}' "$@"`)
  }

  /** Puts another program in its place: POSIX sh. Its starts are counted too. */
  program(script: string): void {
    const lines = ['#!/bin/sh', `echo x >>'${this.#starts}'`, script, '']
    writeFileSync(join(this.#bin, this.name), lines.join('\n'), { mode: 0o755 })
    this.forget()
  }

  /** Machine `web`, whose answer can be read from a file by every shell, those with whole seconds too. */
  async machine(): Promise<void> {
    await this.user.ok(['create', '--driver', 'none', '--url', 'tcp://192.0.2.1:2376', 'web'])
    await this.settle('web')
  }

  /** Asks `env` until its answer is kept in a file that is newer by a second. */
  async settle(name: string): Promise<void> {
    const dir = join(this.user.store, 'machines', name)
    rmSync(join(dir, 'shell-env'), { force: true })
    const before = new Date(Date.now() - 60_000)
    for (const file of ['config.json', 'tsmachine.json']) utimesSync(join(dir, file), before, before)
    await this.user.ok(['env', name])
  }

  /** What the program prints for a shell, in a file; asked once, however often it is needed. */
  async init({ name }: InitShell, env: Readonly<Record<string, string>> = {}): Promise<string> {
    const key = [name, ...Object.values(env)].join('-').replaceAll('/', '-')
    const file = join(this.user.home, `init-${key}`)
    if (existsSync(file)) return file
    const { code, stdout, stderr } = await this.real(['shell-init', name], { env })
    if (code !== 0) throw new Error(stderr)
    writeFileSync(file, stdout)
    this.forget()
    return file
  }

  /** Runs a script in a shell that can start the program and nothing else: whatever it wants besides is an error. */
  async run(shell: InitShell, script: string, options: RunOptions = {}): Promise<Outcome> {
    const { program, args } = shell
    const path = process.env['PATH']?.split(':').map((dir) => join(dir, program)) ?? []
    const found = path.find((file) => existsSync(file)) ?? program
    return await this.#run(found, [...args, script], { ...options, env: { PATH: this.#bin, ...options.env } })
  }

  /** The program itself. */
  async real(words: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return await this.#run(join(this.#bin, this.name), words, options)
  }

  /** How often the program was started since the last script was made. */
  starts(): number {
    return readFileSync(this.#starts, 'utf8').length / 2
  }

  forget(): void {
    writeFileSync(this.#starts, '')
  }

  async #run(program: string, args: readonly string[], options: RunOptions): Promise<Outcome> {
    return await this.user.run(program, args, { ...options, env: { SHELL: '/bin/bash', ...options.env } })
  }
}
