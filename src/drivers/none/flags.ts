import type { FlagSpec } from '../../contracts/driver.js'

/** docker-machine's only flag of this driver; it has no prefix and no variable. */
export const flags: readonly FlagSpec[] = [
  {
    name: 'url',
    key: 'url',
    type: 'string',
    value: 'URL',
    required: true,
    summary: 'URL of an engine that runs already, such as tcp://192.0.2.10:2376',
  },
]
