import { setMaxListeners } from 'node:events'

/** A signal that nobody aborts. Whole suites wait with it, which is no leak. */
export const NEVER = new AbortController().signal
setMaxListeners(0, NEVER)
