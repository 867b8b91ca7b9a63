import { TOKEN } from '../doubles/cloud/index.js'

export interface Reply {
  readonly status: number
  readonly headers: Headers
  readonly body: Record<string, unknown>
}

/** Asks a double, as JSON, with a token. */
export function apiClient(url: string, token = TOKEN) {
  return async (method: string, path: string, body?: unknown): Promise<Reply> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    const { status, headers } = response
    return { status, headers, body: (text === '' ? {} : JSON.parse(text)) as Reply['body'] }
  }
}
