/** A container that writes all the time, and tells of each record once it is on the disk (fsync); and what it must have left. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { TestUser } from './cli.js'

const RECORD_BYTES = 4096

/**
 * `synced`: one record a turn, told of after its fsync. `loose`: files that come, grow, are renamed and go without one.
 * A record is its number, repeated to fill a block, so that a torn or lost one is seen.
 */
const PROGRAM = `
mkdir -p /data/loose
n=$1
while :; do
  n=$((n + 1))
  line=$(printf '%015d' $n)
  block=$line
  i=0; while [ $i -lt 8 ]; do block="$block
$block"; i=$((i + 1)); done
  printf '%s\\n' "$block" | busybox dd of=/data/synced bs=${RECORD_BYTES} seek=$((n - 1)) iflag=fullblock conv=notrunc,fsync 2>/dev/null || exit 1
  echo $n
  busybox dd if=/data/synced of=/data/loose/new bs=64k count=16 2>/dev/null
  busybox mv /data/loose/new /data/loose/$((n % 7))
  busybox rm -f /data/loose/$((n * 3 % 7))
done
`

export class DiskWriter {
  #told: number
  #ended: Promise<unknown>

  private constructor(child: ChildProcess, from: number) {
    this.#told = from
    let rest = ''
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n')
      rest = lines.pop() ?? ''
      for (const line of lines) this.#told = Number(line)
    })
    this.#ended = once(child, 'close')
  }

  /** Goes on after `from` records. */
  static start(user: TestUser, env: Readonly<Record<string, string>>, from: number): DiskWriter {
    const words = ['run', '--rm', '-v', 'kept:/data', 'busybox', 'sh', '-c', PROGRAM, 'sh', String(from)]
    const child = spawn('docker', words, {
      env: { ...user.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    return new DiskWriter(child, from)
  }

  /** Number of the last record that it told of: this one and all before it must outlive a power cut. */
  get told(): number {
    return this.#told
  }

  /** The power has been cut: what it had told by then is all that it tells. */
  async ended(): Promise<void> {
    await this.#ended
  }
}

/** @throws Error naming the first record of `synced` that is not what was written */
export function checkRecords(synced: Buffer, told: number): void {
  for (let n = 1; n <= told; n++) {
    const expected = `${String(n).padStart(15, '0')}\n`.repeat(RECORD_BYTES / 16)
    const found = synced.subarray((n - 1) * RECORD_BYTES, n * RECORD_BYTES).toString()
    if (found !== expected)
      throw new Error(
        `record ${n} of ${told} was on the disk and is not: ${JSON.stringify(found.slice(0, 48))}`,
      )
  }
}
