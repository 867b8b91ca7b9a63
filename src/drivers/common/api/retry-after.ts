/** Milliseconds until the time that a `Retry-After` header names: seconds or an HTTP date. */
export function retryAfterOf(headers: Readonly<Record<string, string>>, now: Date): number | undefined {
  const text = headers['retry-after']?.trim()
  if (text === undefined || text === '') return undefined
  if (/^\d+(\.\d+)?$/.test(text)) return Math.ceil(Number(text) * 1_000)
  const at = Date.parse(text)
  return Number.isNaN(at) ? undefined : Math.max(0, at - now.getTime())
}

/** The same for headers of providers that hold the second (Unix time) at which calls are allowed again. */
export function resetAfterOf(text: string | undefined, now: Date): number | undefined {
  const at = Number(text)
  return text === undefined || text === '' || !Number.isFinite(at)
    ? undefined
    : Math.max(0, at * 1_000 - now.getTime())
}
