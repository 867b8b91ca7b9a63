import { type Panel, WIDTH } from './panel.js'
import type { Curve } from './result.js'
import { element, line, series, text } from './svg.js'

const LEFT = 80
const RIGHT = 240
const HEAD = 28
const HEIGHT = 320
const BOTTOM = HEAD + HEIGHT

interface Scale {
  (value: number): number
  readonly ticks: readonly number[]
}

/** Curves of one unit on logarithmic axes: a straight line of slope one is linear cost. */
export function curvePlot(title: string, curves: readonly Curve[]): Panel {
  const points = curves.flatMap((curve) => curve.points).filter(isDrawable)
  const x = logScale(
    points.map(([count]) => count),
    LEFT,
    WIDTH - RIGHT,
  )
  const y = logScale(
    points.map(([, value]) => value),
    BOTTOM,
    HEAD,
  )
  const content = [
    text(title, 16, 12, { class: 'head' }),
    ...axes(x, y, curves[0]?.unit ?? 'ms'),
    ...curves.flatMap((curve, index) => [...drawn(curve, x, y, series(index)), ...legend(curve.name, index)]),
  ]
  return { height: BOTTOM + 40, content }
}

/** A logarithm knows no zero. */
function isDrawable([count, value]: readonly [number, number]): boolean {
  return count > 0 && value > 0
}

/** From the power of ten below the least to the one above the highest. */
function logScale(values: readonly number[], from: number, to: number): Scale {
  const low = Math.floor(Math.log10(Math.min(1e9, ...values)))
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(1e-9, ...values))))
  const scale = (value: number): number => from + ((Math.log10(value) - low) / (high - low)) * (to - from)
  return Object.assign(scale, { ticks: Array.from({ length: high - low + 1 }, (_, i) => 10 ** (low + i)) })
}

function axes(x: Scale, y: Scale, unit: string): string[] {
  const end = WIDTH - RIGHT
  return [
    ...x.ticks.flatMap((count) => [
      line(x(count), HEAD, x(count), BOTTOM, { class: 'grid' }),
      text(String(count), x(count), BOTTOM + 16, { 'text-anchor': 'middle' }),
    ]),
    ...y.ticks.flatMap((value) => [
      line(LEFT, y(value), end, y(value), { class: 'grid' }),
      text(`${Number(value.toPrecision(1))} ${unit}`, LEFT - 8, y(value) + 4, { 'text-anchor': 'end' }),
    ]),
    line(LEFT, BOTTOM, end, BOTTOM, { class: 'axis' }),
    line(LEFT, HEAD, LEFT, BOTTOM, { class: 'axis' }),
    text('count', (LEFT + end) / 2, BOTTOM + 34, { 'text-anchor': 'middle' }),
  ]
}

function drawn({ points }: Curve, x: Scale, y: Scale, className: string): string[] {
  const places = points.filter(isDrawable).map(([count, value]) => ({ cx: x(count), cy: y(value) }))
  const path = places.map(({ cx, cy }) => `${cx.toFixed(1)},${cy.toFixed(1)}`).join(' ')
  return [
    element('polyline', { class: `${className} curve`, points: path }),
    ...places.map((place) => element('circle', { class: className, ...place, r: 3 })),
  ]
}

function legend(name: string, index: number): string[] {
  const [left, top] = [WIDTH - RIGHT + 16, HEAD + index * 20]
  return [
    element('rect', { class: series(index), x: left, y: top, width: 12, height: 12 }),
    text(name, left + 20, top + 10),
  ]
}
