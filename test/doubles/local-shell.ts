import { spawn } from 'node:child_process'
import type { RemoteExecOptions, RemoteResult, RemoteShell } from '../../src/contracts/ssh.js'

/** A "host" that is this computer: commands run through a local shell with an environment of the test's own. */
export class LocalShell implements RemoteShell {
  hostKey = 'ssh-ed25519 AAAA'
  roundTrips = 0

  constructor(
    readonly env: Readonly<Record<string, string>>,
    readonly program = '/bin/sh',
  ) {}

  async exec(command: string, options: RemoteExecOptions = {}): Promise<RemoteResult> {
    this.roundTrips += 1
    const child = spawn(this.program, ['-c', command], {
      env: { ...this.env },
      ...(options.signal ? { signal: options.signal } : {}),
    })
    const { stdin } = options
    child.stdin.on('error', () => undefined)
    if (stdin === undefined || typeof stdin === 'string' || Buffer.isBuffer(stdin))
      child.stdin.end(stdin ?? '')
    else stdin.on('error', () => child.kill()).pipe(child.stdin)
    const output = { stdout: '', stderr: '' }
    child.stdout.on('data', (chunk: Buffer) => (output.stdout += chunk.toString()))
    child.stderr.on('data', (chunk: Buffer) => (output.stderr += chunk.toString()))
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    output.stdout.split('\n').forEach((line) => options.onStdoutLine?.(line))
    output.stderr.split('\n').forEach((line) => options.onStderrLine?.(line))
    return { code, ...output }
  }

  close(): void {
    // Nothing is open between commands.
  }
}
