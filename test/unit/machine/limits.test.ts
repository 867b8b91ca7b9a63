import t from 'tap'
import { DEADLINES } from '../../../src/drivers/plugin/session/deadlines.js'
import { ABORT_GRACE_MS, OPAQUE_MS } from '../../../src/machine/limits.js'

const SETTLE_MS = 300_000

t.test(
  'the limits around the calls of a plugin are longer than the calls, and the wait for what they lead to',
  (t) => {
    const { check, create, change, config, read } = DEADLINES
    t.ok(OPAQUE_MS.preflight > 2 * check + 3 * config)
    t.ok(OPAQUE_MS.make > create + change + 2 * (SETTLE_MS + 8 * read))
    for (const verb of ['start', 'stop', 'kill', 'remove'] as const)
      t.ok(OPAQUE_MS[verb] > change + SETTLE_MS + 8 * read, verb)
    t.ok(ABORT_GRACE_MS > 10_000 + 2_000 + DEADLINES.close)
    t.end()
  },
)
