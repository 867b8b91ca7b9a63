/** How much each test that repeats something does: in CI, and in `npm run campaign`. One row per name, used by `size(name)`. */
export const SIZES = {
  /** Processes that race for one lock. */
  lockProcesses: { ci: 8, campaign: 64 },
  /** Interleaved boots of ours and of the stock VM in `npm run bench`. */
  benchBoots: { ci: 1, campaign: 7 },
} as const

/** The count of one row for this run. */
export function size(name: keyof typeof SIZES): number {
  return SIZES[name][process.env['TSMACHINE_SIZES'] === 'campaign' ? 'campaign' : 'ci']
}
