import { type ChildProcess, spawn } from 'node:child_process'
import { chownSync, mkdirSync, rmSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runDir } from './run-dir.js'

/** The built program, as users start it. */
export const PROGRAM = fileURLToPath(new URL('../../bin/run.cjs', import.meta.url))

export interface Outcome {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly input?: string
  readonly program?: string
  readonly cwd?: string
  /** Milliseconds after which the program is killed, so that a hang fails its test. */
  readonly limitMs?: number
  /** Called once the program runs: to signal it, or to watch what it prints. */
  readonly started?: (child: ChildProcess) => void
}

/** A user of their own: home, store, Docker configuration and sockets in a temporary folder; the image cache is shared. */
export class TestUser {
  readonly home: string
  readonly store: string
  readonly dockerConfig: string
  readonly env: Readonly<Record<string, string>>
  /** Another user than the one who runs the test, which takes root. */
  readonly #uid: number | undefined

  constructor(options: { store?: string; uid?: number } = {}) {
    this.#uid = options.uid
    this.home = runDir('user')
    this.store = options.store ?? join(this.home, 'store')
    this.dockerConfig = join(this.home, 'docker')
    const runtime = join(this.home, 'run')
    mkdirSync(runtime, { mode: 0o700 })
    if (this.#uid !== undefined) for (const dir of [this.home, runtime]) chownSync(dir, this.#uid, this.#uid)
    this.env = {
      HOME: this.home,
      PATH: process.env['PATH'] ?? '',
      LANG: 'C.UTF-8',
      SHELL: '/bin/sh',
      MACHINE_STORAGE_PATH: this.store,
      DOCKER_CONFIG: this.dockerConfig,
      XDG_RUNTIME_DIR: runtime,
      XDG_CACHE_HOME: process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
    }
  }

  /** Runs `tsmachine ARGS`. */
  async tsmachine(args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    return await this.run(process.execPath, [options.program ?? PROGRAM, ...args], options)
  }

  /** The same, and a failure is an error with all that it printed. */
  async ok(args: readonly string[], options: RunOptions = {}): Promise<string> {
    const outcome = await this.tsmachine(args, options)
    if (outcome.code === 0) return outcome.stdout
    throw new Error(
      `tsmachine ${args.join(' ')} ended with ${outcome.code ?? outcome.signal}\n${outcome.stdout}\n${outcome.stderr}`,
    )
  }

  /** Runs the real docker client against a machine. */
  async docker(machine: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const dir = join(this.store, 'machines', machine)
    const url = (await this.ok(['url', machine])).trim()
    const env = { DOCKER_HOST: url, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: dir, ...options.env }
    return await this.run('docker', args, { ...options, env })
  }

  async run(program: string, args: readonly string[], options: RunOptions = {}): Promise<Outcome> {
    const child = spawn(program, args, {
      env: { ...this.env, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(this.#uid === undefined ? {} : { uid: this.#uid, gid: this.#uid }),
      ...(options.cwd ? { cwd: options.cwd } : {}),
    })
    const timer = setTimeout(() => child.kill('SIGKILL'), options.limitMs ?? 300_000)
    const [stdout, stderr] = [collect(child.stdout), collect(child.stderr)]
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input ?? '')
    options.started?.(child)
    return await new Promise((resolve, reject) => {
      child.on('error', reject)
      child.on('close', (code, signal) => {
        clearTimeout(timer)
        resolve({ code, signal, stdout: stdout(), stderr: stderr() })
      })
    })
  }

  /** Removes every machine, which must work, and then the folder itself. */
  async cleanUp(): Promise<void> {
    try {
      const names = (await this.tsmachine(['ls', '-q'])).stdout.split('\n').filter(Boolean)
      if (names.length > 0) await this.ok(['rm', '-f', ...names])
    } finally {
      rmSync(this.home, { recursive: true, force: true })
    }
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Buffer[] = []
  stream.on('data', (chunk: Buffer) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString()
}
