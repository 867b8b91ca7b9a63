import { appendFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { consoleLines } from '../../../../src/drivers/qemu/console.js'
import { systemClock } from '../../../../src/util/clock.js'
import { FakeClock } from '../../../helpers/fake-clock.js'
import { runDir } from '../../../helpers/run-dir.js'

/** More than one wait of the reader. */
const SILENT_MS = 4_000_000

function consoleFile(text: string): string {
  const path = join(runDir('console'), 'console.log')
  writeFileSync(path, text)
  return path
}

async function all(lines: AsyncIterable<string>): Promise<string[]> {
  const seen: string[] = []
  for await (const line of lines) seen.push(line)
  return seen
}

t.test('a guest that says nothing for hours is followed on', async (t) => {
  const path = consoleFile('one\n')
  const stop = new AbortController()
  const clock = new (class extends FakeClock {
    override async sleep(ms: number, signal?: AbortSignal): Promise<void> {
      if (this.monotonicMs() < SILENT_MS && this.monotonicMs() + ms >= SILENT_MS)
        appendFileSync(path, 'two\n')
      if (this.monotonicMs() > SILENT_MS + 60_000) stop.abort()
      await super.sleep(ms, signal)
    }
  })()
  const seen = await all(consoleLines(path, { follow: true, signal: stop.signal }, clock))
  t.strictSame(seen, ['one', 'two'])
})

t.test('of the last lines so many are shown as are asked for, also none', async (t) => {
  const path = consoleFile('one\ntwo\nthree')
  const last = async (lines: number): Promise<string[]> =>
    await all(consoleLines(path, { lines }, systemClock))
  t.strictSame(await last(0), [])
  t.strictSame(await last(2), ['two', 'three'])
  t.strictSame(await last(9), ['one', 'two', 'three'])
})
