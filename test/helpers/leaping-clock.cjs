/* Loaded first by a program: its wall clock leaps by years, forward and back, every few milliseconds. */
const { now: realNow } = Date
const RealDate = Date
const YEARS = [0, 10, -10, 3, -40]
const DAYS_MS = 365 * 86_400_000
const EACH_MS = 7

const now = () => {
  const real = realNow()
  return real + YEARS[Math.floor(real / EACH_MS) % YEARS.length] * DAYS_MS
}
globalThis.Date = class extends RealDate {
  constructor(...args) {
    if (args.length === 0) super(now())
    else super(...args)
  }

  static now() {
    return now()
  }
}
