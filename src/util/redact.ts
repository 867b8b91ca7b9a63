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

/** Passwords in URLs. */
export function maskUserinfo(text: string): string {
  return text.replace(/\/\/[^/@\s]+@/g, `//${MASK}@`)
}

const PRIVATE_KEY = /-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[^]*?(?:-----END \1-----|$)/g
/** `name=value`, `name: value`, `"name": "value"` and `--name value`: the name, what is between, the value. */
const NAMED_VALUE =
  /((?:["']|--)?([A-Za-z][A-Za-z0-9_.-]*)["']?(?:\s*[:=]\s*|(?<=--[A-Za-z0-9-]+) +))("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,;&"'}\]]+)/g
const AUTHORIZATION = /\b((?:proxy-)?authorization["']?\s*[:=]\s*["']?(?:[A-Za-z-]+ +)?|bearer +)[^\s"',;]+/gi

/**
 * Takes out what looks like a secret whoever's it is: private keys, passwords in URLs, `Authorization` headers and what
 * stands behind a name that ends as secrets are called. For texts that nobody can say all secrets of.
 */
export function redactByLooks(text: string): string {
  return maskUserinfo(text.replace(PRIVATE_KEY, MASK))
    .replace(AUTHORIZATION, `$1${MASK}`)
    .replace(NAMED_VALUE, (whole, before: string, name: string, value: string) =>
      looksSecret(name) ? before + masked(value) : whole,
    )
}

/** Quotes stay, so that what was JSON still is; an empty value and a switch say that there is none. */
function masked(value: string): string {
  const [, quote = '', inner = value] = /^(["'])(.*)\1$/.exec(value) ?? []
  return /^(|null|true|false)$/.test(inner) ? value : `${quote}${MASK}${quote}`
}
