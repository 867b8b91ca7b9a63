import { isLoopback } from '../../../util/proxy.js'

/** An API endpoint that may be used, or what is wrong with it. */
export type CheckedEndpoint = { readonly url: string } | { readonly fault: string }

/**
 * Checks the endpoint that a flag or variable names: https anywhere, plain http only on this computer, because the token
 * goes with every request. The URL comes back without a slash at its end.
 */
export function checkEndpoint(text: string): CheckedEndpoint {
  if (!URL.canParse(text))
    return { fault: `"${withoutLogin(text)}" is no URL: give one like https://api.example.com` }
  const url = new URL(text)
  if (url.username !== '' || url.password !== '')
    return { fault: `${withoutLogin(text)} must not hold a user or password` }
  if (url.search !== '' || url.hash !== '')
    return { fault: `${url.origin}${url.pathname} must not have a query or fragment` }
  if (url.protocol === 'http:' && !isLoopback(url.hostname))
    return { fault: `${text} is not encrypted: plain http is allowed to this computer only, use https` }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return { fault: `${text} is no https URL` }
  return { url: `${url.origin}${url.pathname}`.replace(/\/+$/, '') }
}

function withoutLogin(text: string): string {
  return text.replace(/\/\/[^/]*@/, '//')
}
