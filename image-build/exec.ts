import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'

/** How a build program is run; a program that fails always throws, so there is no "check" switch. */
export interface RunOptions {
  cwd?: string
  /** Added to the environment of the build. */
  env?: Record<string, string | undefined>
  /** Bytes for standard input; nothing by default. */
  input?: string | Buffer
  signal?: AbortSignal
  /** Milliseconds between the wish that a program ends and its end by force. */
  graceMs?: number
}

const GRACE_MS = 5_000

/** A build program failed or could not be started. `stderr` is what it said. */
export class BuildCommandError extends Error {
  /** Exit code, when there was one. */
  readonly status: number | undefined

  constructor(
    readonly argv: readonly string[],
    reason: string,
    readonly stderr: string,
    options?: ErrorOptions & { status?: number },
  ) {
    super(`${argv[0] ?? ''} ${reason}${stderr ? `: ${lastLines(stderr)}` : ''}`, options)
    this.name = 'BuildCommandError'
    this.status = options?.status
  }
}

function lastLines(text: string): string {
  return text.trim().split('\n').slice(-5).join('\n')
}

/** Runs one program and returns its standard output. Messages are in English and times in UTC, whatever the builder's locale. */
export async function run(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  return (await runBytes(argv, options)).toString('utf8')
}

/** Like `run`, for output that is not text. */
export function runBytes(argv: readonly string[], options: RunOptions = {}): Promise<Buffer> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      cwd: options.cwd,
      env: { ...process.env, LC_ALL: 'C', TZ: 'UTC', ...options.env },
      signal: options.signal,
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => out.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => err.push(chunk))
    // A program that ends before reading its input is judged by its exit code alone.
    child.stdin.on('error', () => undefined)
    child.stdin.end(options.input)
    let failure: BuildCommandError | undefined
    let force: NodeJS.Timeout | undefined
    child.on('error', (cause) => {
      const missing = 'code' in cause && cause.code === 'ENOENT'
      const reason = missing ? 'is not installed on this computer' : `could not run (${cause.message})`
      failure = new BuildCommandError(argv, reason, '', { cause })
      // One that was stopped may still write into the folders that are removed when we say so.
      if (child.pid === undefined) reject(failure)
      else force = setTimeout(() => endByForce(child), options.graceMs ?? GRACE_MS)
    })
    child.on('close', (code, signal) => {
      clearTimeout(force)
      if (failure) reject(failure)
      else if (code === 0) resolve(Buffer.concat(out))
      else {
        const text = Buffer.concat(err).toString('utf8')
        const status = code === null ? {} : { status: code }
        reject(new BuildCommandError(argv, `failed (${signal ?? `exit ${String(code)}`})`, text, status))
      }
    })
  })
}

/** What it has started may hold its pipes. */
function endByForce(child: ChildProcessWithoutNullStreams): void {
  child.kill('SIGKILL')
  child.stdout.destroy()
  child.stderr.destroy()
}
