import axios from 'axios'
import type { Test } from 'tap'

/** Counts requests of this process that have no answer yet: a fake clock must stand still meanwhile. */
export function requestsInFlight(t: Test): () => number {
  let count = 0
  const request = axios.interceptors.request.use((config) => {
    count++
    return config
  })
  const response = axios.interceptors.response.use(
    (answer) => {
      count--
      return answer
    },
    (error: unknown) => {
      count--
      return Promise.reject(error)
    },
  )
  t.teardown(() => {
    axios.interceptors.request.eject(request)
    axios.interceptors.response.eject(response)
  })
  return () => count
}
