const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** Milliseconds of `90m`, `2h`, `1d12h`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (!/^(?:\d+[smhd])+$/.test(text)) return undefined
  return [...text.matchAll(/(\d+)([smhd])/g)].reduce(
    (sum, [, count, unit = '']) => sum + Number(count) * (UNITS[unit] ?? 0),
    0,
  )
}

/** The largest whole unit: `3d`, `5h`, `12m`, `4s`. */
export function shortDuration(ms: number): string {
  const [unit, size] = Object.entries(UNITS).findLast(([, each]) => ms >= each) ?? ['s', 1_000]
  return `${Math.floor(Math.max(0, ms) / size)}${unit}`
}
