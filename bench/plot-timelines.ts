import { amount } from './numbers.js'
import { type Panel, WIDTH } from './panel.js'
import type { Timeline, TimelinePart } from './result.js'
import { element, line, series, text } from './svg.js'

const ROW = 18
const BAR = 12
const LEFT = 250
const RIGHT = 90
const HEAD = 24
const TICKS = 5

interface Placed extends TimelinePart {
  readonly startMs: number
}

/** All timelines on one axis, so that they compare; each part has its own row, so that overlapping ones are seen. */
export function timelinePlot(title: string, timelines: readonly Timeline[]): Panel {
  const all = timelines.map(({ name, parts }) => ({ name, parts: placed(parts) }))
  const end = Math.max(1, ...all.flatMap(({ parts }) => parts.map(({ startMs, ms }) => startMs + ms)))
  const x = (ms: number): number => LEFT + (ms / end) * (WIDTH - LEFT - RIGHT)
  const rows = all.reduce((sum, { parts }) => sum + parts.length + 1, 0)
  const bottom = HEAD + rows * ROW
  const content = [text(title, 16, 12, { class: 'head' }), ...axis(end, x, bottom)]
  let y = HEAD
  for (const [index, { name, parts }] of all.entries()) {
    content.push(text(name, 16, y + BAR, { 'font-weight': 'bold' }))
    y += ROW
    for (const part of parts) {
      content.push(...bar(part, x, y, series(index)))
      y += ROW
    }
  }
  return { height: bottom + 36, content }
}

function placed(parts: readonly TimelinePart[]): readonly Placed[] {
  let end = 0
  return parts.map((part) => {
    const startMs = part.startMs ?? end
    end = startMs + part.ms
    return { ...part, startMs }
  })
}

function bar(part: Placed, x: (ms: number) => number, y: number, className: string): string[] {
  const [from, to] = [x(part.startMs), x(part.startMs + part.ms)]
  return [
    text(part.text, LEFT - 8, y + BAR - 2, { 'text-anchor': 'end' }),
    element('rect', { class: className, x: from, y, width: Math.max(1, to - from), height: BAR }),
    text(amount(part.ms, 'ms'), to + 6, y + BAR - 2),
  ]
}

function axis(end: number, x: (ms: number) => number, bottom: number): string[] {
  const step = niceStep(end / TICKS)
  const ticks = Array.from({ length: Math.floor(end / step) + 1 }, (_, index) => index * step)
  return [
    ...ticks.flatMap((ms) => [
      line(x(ms), HEAD, x(ms), bottom, { class: 'grid' }),
      text(String(ms), x(ms), bottom + 14, { 'text-anchor': 'middle' }),
    ]),
    line(LEFT, bottom, WIDTH - RIGHT, bottom, { class: 'axis' }),
    text('milliseconds since the start', (LEFT + WIDTH - RIGHT) / 2, bottom + 30, {
      'text-anchor': 'middle',
    }),
  ]
}

/** 1, 2 or 5 times a power of ten. */
function niceStep(least: number): number {
  const power = 10 ** Math.floor(Math.log10(least))
  return ([1, 2, 5].find((factor) => factor * power >= least) ?? 10) * power
}
