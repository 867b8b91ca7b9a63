// What the guest does when it is told on its second serial line that it is a copy.
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { run } from '../../../image-build/exec.js'

const LIB = join(import.meta.dirname, '../../../image-build/guest/lib')

t.test('a copy of a template goes on only once its random numbers are its own', async (t) => {
  const dir = t.testdir({ dev: { urandom: '' }, log: {}, console: '' })
  const [line, calls, log] = ['line', 'calls', 'kernel-log'].map((name) => join(dir, name)) as [
    string,
    string,
    string,
  ]
  await run(['mkfifo', line])
  // The kernel says it at the third look.
  const said = 'random: crng reseeded due to virtual machine fork'
  writeFileSync(log, `#!/bin/sh\necho >>${calls}\n[ $(wc -l <${calls}) -lt 3 ] || echo '${said}'\n`)
  chmodSync(log, 0o755)
  const words = ['noise', `fork ${Buffer.from('from outside').toString('base64')}`, 'boot', '']
  const env = {
    PATH: process.env['PATH'] ?? '',
    TSMACHINE_LIB: LIB,
    TSMACHINE_LINE: line,
    TSMACHINE_KERNEL_LOG: log,
    TSMACHINE_DEV: join(dir, 'dev'),
    TSMACHINE_LOG: join(dir, 'log'),
    TSMACHINE_CONSOLE: join(dir, 'console'),
    LINES: words.join('\n'),
  }
  // Held open, so that what was written stays until it is read.
  const renew = `exec 4<>"$TSMACHINE_LINE"; printf %s "$LINES" >&4; exec sh ${join(LIB, 'renew')} template`
  await run(['busybox', 'sh', '-c', renew], { env })
  t.equal(readFileSync(join(dir, 'dev/urandom'), 'utf8'), 'from outside')
  t.equal(readFileSync(calls, 'utf8'), '\n\n\n', 'it has waited')
})
