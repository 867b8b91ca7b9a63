import type { DriverEvent } from '../../../../contracts/driver.js'
import { systemClock } from '../../../../util/clock.js'
import { type Checks, NEVER } from './checks.js'
import { type DriverSubject, Trial } from './trial.js'

/** How many events a whole create yields. */
export async function countEvents(subject: DriverSubject): Promise<number> {
  const trial = await Trial.begin(subject)
  const driver = await trial.open()
  const events = await trial.create(driver)
  await trial.remove(driver)
  return events
}

/**
 * A create that died: the record has the first `recorded` events, `unrecorded` more had been asked for. What the driver
 * did up to there has happened; nobody calls the generator again, not even to end it.
 */
export async function crashedAfter(
  subject: DriverSubject,
  recorded: number,
  unrecorded: number,
): Promise<Trial> {
  const trial = await Trial.begin(subject)
  const driver = await trial.open()
  const events = driver.create(trial.spec(), NEVER)[Symbol.asyncIterator]()
  for (let seen = 0; seen < recorded + unrecorded; seen++) {
    const step = await events.next()
    if (step.done) break
    if (seen < recorded) trial.apply(step.value)
  }
  await subject.crash?.()
  return trial
}

/** A create that is aborted some time after its n-th event: what it threw, or `done` when it was faster. */
export async function abortedCreate(
  trial: Trial,
  after: number,
  delayMs: number,
  reason: Error,
): Promise<unknown> {
  const driver = await trial.open()
  const abort = new AbortController()
  const due = (): void => {
    if (delayMs === 0) abort.abort(reason)
    else void systemClock.sleep(delayMs).then(() => abort.abort(reason))
  }
  let seen = 0
  if (after === 0) due()
  try {
    for await (const event of driver.create(trial.spec(), abort.signal)) {
      trial.apply(event)
      if (++seen === after) due()
    }
    return 'done'
  } catch (error) {
    return error
  }
}

/** The resource that an event is about. */
export function named(event: Extract<DriverEvent, { type: 'intent' | 'made' }>): string {
  return `${event.resource.kind} ${event.resource.key}`
}

/** Asserts that a value is the same after a trip through JSON. */
export function plainJson(t: Checks, value: unknown, what: string): void {
  t.strictSame(JSON.parse(JSON.stringify(value)), value, `${what} survives JSON`)
}
