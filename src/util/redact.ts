import { looksSecret } from './secret-names.js'

/** What stands where a secret was. */
export const MASK = '[secret]'

/** A function that takes secrets out of texts, also where they were encoded for a URL, for JSON or as base64. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = secrets.filter((secret) => secret.trim() !== '').flatMap(formsOf)
  const longestFirst = [...new Set(forms)].sort((one, other) => other.length - one.length)
  return (text) => longestFirst.reduce((rest, form) => rest.replaceAll(form, MASK), text)
}

function formsOf(secret: string): string[] {
  return [
    secret,
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    Buffer.from(secret).toString('base64'),
  ]
}

/** Passwords in URLs; one that was not escaped may hold an `@`. */
export function maskUserinfo(text: string): string {
  return text.replace(/\/\/[^/\s"'<>]+@/g, `//${MASK}@`)
}

const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^]*?(?:-----END \1-----|$)/g
/** `name=`, `name:`, `"name":` (within another text: `\"name\":`) and `--name `. Each word is tried once, from its begin. */
const NAME = /(?<![\w.-])([\w.-]+)(\\*["']?\s*[:=]\s*| +)/g
const VALUE = /(\\+["'])[^\n]*?(?<!\\)\1|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'|(?:\\+["'])?[^\s,;&"'}\]]+/y
const AUTHORIZATION = /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[A-Za-z-]+ +)?|bearer +)[^\s"',;]+/gi

/**
 * Takes out what looks like a secret whoever's it is: private keys, passwords in URLs, `Authorization` headers and what
 * stands behind a name that ends as secrets are called. For texts that nobody can say all secrets of.
 */
export function redactByLooks(text: string): string {
  return maskNamed(maskUserinfo(text.replace(PRIVATE_KEY, MASK)).replace(AUTHORIZATION, `$1${MASK}`))
}

/** What stands behind the name of a secret. */
function maskNamed(text: string): string {
  let [cleaned, at] = ['', 0]
  for (const { 0: before, 1: name = '', 2: between = '', index } of text.matchAll(NAME)) {
    if (index < at || !isOfSecret(name, between)) continue
    VALUE.lastIndex = index + before.length
    const value = VALUE.exec(text)?.[0] ?? ''
    cleaned += text.slice(at, index) + before + masked(value)
    at = index + before.length + value.length
  }
  return cleaned + text.slice(at)
}

/** Of words in a row only an option is followed by its value. Docker's settings call a login `auth`. */
function isOfSecret(name: string, between: string): boolean {
  if (!/[:=]/.test(between) && !name.startsWith('--')) return false
  return looksSecret(name) || /(?:^|[-_.])auth$/i.test(name)
}

/** Quotes stay, so that what was JSON still is; an empty value and a switch say that there is none. */
function masked(value: string): string {
  const [, open = '', inner = value, close = ''] = /^(\\*["'])([^]*?)(\1)$/.exec(value) ?? []
  return /^(|null|true|false)$/.test(inner) ? value : open + MASK + close
}
