/** The few shapes that our plots are made of, readable on light and on dark ground. */

/** Colours that differ in lightness too, for readers who see few hues. */
const SERIES = [
  { light: '#1f6feb', dark: '#58a6ff' },
  { light: '#b35900', dark: '#f0a35e' },
  { light: '#1a7f37', dark: '#56d364' },
  { light: '#8250df', dark: '#c297ff' },
  { light: '#a40e26', dark: '#ff9492' },
  { light: '#57606a', dark: '#adbac7' },
]

type Attributes = Readonly<Record<string, string | number>>

/** An element with its children, or with text. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const words = Object.entries(attributes).map(([key, value]) => ` ${key}="${escape(tidy(value))}"`)
  return content === '' ? `<${name}${words.join('')}/>` : `<${name}${words.join('')}>${content}</${name}>`
}

export function text(content: string, x: number, y: number, attributes: Attributes = {}): string {
  return element('text', { x, y, ...attributes }, escape(content))
}

export function line(x1: number, y1: number, x2: number, y2: number, attributes: Attributes): string {
  return element('line', { x1, y1, x2, y2, ...attributes })
}

/** Class of the colour of the n-th series. */
export function series(index: number): string {
  return `s${index % SERIES.length}`
}

/** The whole picture. */
export function picture(width: number, height: number, title: string, content: readonly string[]): string {
  const view = {
    xmlns: 'http://www.w3.org/2000/svg',
    viewBox: `0 0 ${tidy(width)} ${tidy(height)}`,
    width,
    height,
  }
  const inside = [
    element('title', {}, escape(title)),
    element('style', {}, style()),
    element('rect', { class: 'ground', x: 0, y: 0, width, height }),
    ...content,
  ]
  return `${element('svg', { ...view, role: 'img' }, `\n${inside.join('\n')}\n`)}\n`
}

function style(): string {
  const theme = (shade: 'light' | 'dark', ground: string, ink: string, grid: string): string =>
    [
      `.ground{fill:${ground}}`,
      `text{fill:${ink};font:12px sans-serif}`,
      '.head{font-weight:bold;font-size:14px}',
      `.axis{stroke:${ink}}`,
      `.grid{stroke:${grid}}`,
      ...SERIES.map(({ [shade]: colour }, index) => `.s${index}{fill:${colour};stroke:${colour}}`),
      '.curve{fill:none;stroke-width:2}',
    ].join('')
  const dark = theme('dark', '#0d1117', '#e6edf3', '#30363d')
  return `${theme('light', '#ffffff', '#1f2328', '#d0d7de')}@media(prefers-color-scheme:dark){${dark}}`
}

/** Two decimals are finer than anybody's screen. */
function tidy(value: string | number): string {
  return typeof value === 'string' ? value : String(Math.round(value * 100) / 100)
}

function escape(content: string): string {
  return content.replace(/[&<>"]/g, (character) => `&#${character.charCodeAt(0)};`).replace(/[\0-\x1f]/g, ' ')
}
