import { spawn } from 'node:child_process'
import { LineCollector } from '../../src/ssh/lines.js'
import type { RemoteExecOptions, RemoteResult, RemoteShell } from '../../src/contracts/ssh.js'

/** A "host" that is this computer: commands run through a local shell with an environment of the test's own. */
export class LocalShell implements RemoteShell {
  hostKey = 'ssh-ed25519 AAAA'
  roundTrips = 0

  constructor(
    readonly env: Readonly<Record<string, string>>,
    readonly program = '/bin/sh',
    /** Each command with what it starts is a session of its own, as sshd has it. */
    private readonly detached = false,
  ) {}

  async exec(command: string, options: RemoteExecOptions = {}): Promise<RemoteResult> {
    this.roundTrips += 1
    const child = spawn(this.program, ['-c', command], {
      env: { ...this.env },
      detached: this.detached,
      ...(options.signal ? { signal: options.signal } : {}),
    })
    const { stdin } = options
    child.stdin.on('error', () => undefined)
    if (stdin === undefined || typeof stdin === 'string' || Buffer.isBuffer(stdin))
      child.stdin.end(stdin ?? '')
    else stdin.on('error', () => child.kill()).pipe(child.stdin)
    const stdout = new LineCollector(options.onStdoutLine)
    const stderr = new LineCollector(options.onStderrLine)
    child.stdout.on('data', (chunk: Buffer) => stdout.add(chunk))
    child.stderr.on('data', (chunk: Buffer) => stderr.add(chunk))
    const code = await new Promise<number | null>((resolve, reject) => {
      child.on('error', reject)
      child.on('close', resolve)
    })
    return { code, stdout: stdout.finish(), stderr: stderr.finish() }
  }

  close(): void {
    // Nothing is open between commands.
  }
}
