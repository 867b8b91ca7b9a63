/** The plot of a run: timelines as bars one below the other, curves on logarithmic axes. */
import { type Panel, WIDTH } from './panel.js'
import { timelinePlot } from './plot-timelines.js'
import { curvePlot } from './plot-curves.js'
import type { Comparison } from './record.js'
import type { Curve } from './result.js'
import { element, picture } from './svg.js'

const GAP = 24

/** One picture of everything that can be drawn; undefined when there is nothing. */
export function plot(date: string, comparisons: readonly Comparison[]): string | undefined {
  const panels = comparisons.flatMap(panelsOf)
  if (panels.length === 0) return undefined
  let y = GAP
  const placed = panels.map(({ height, content }) => {
    const group = element('g', { transform: `translate(0 ${y})` }, `\n${content.join('\n')}\n`)
    y += height + GAP
    return group
  })
  return picture(WIDTH, y, `npm run bench, ${date}`, placed)
}

function panelsOf({ name, date, result }: Comparison): readonly Panel[] {
  const { timelines = [], curves = [] } = result ?? {}
  const title = (what: string): string => `${name}: ${what} (${date})`
  return [
    ...(timelines.length > 0 ? [timelinePlot(title('where the time goes'), timelines)] : []),
    ...byUnit(curves).map((alike) => curvePlot(title('cost by count'), alike)),
  ]
}

/** Milliseconds and megabytes share no axis. */
function byUnit(curves: readonly Curve[]): readonly (readonly Curve[])[] {
  const units = [...new Set(curves.map(({ unit }) => unit))]
  return units.map((unit) => curves.filter((curve) => curve.unit === unit))
}
