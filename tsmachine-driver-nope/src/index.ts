import { defineDriver } from 'tsmachine/driver'

const ENDPOINT = 'https://api.nope.example/v1'

export const driver = defineDriver({
  contract: '1.0.0',
  name: 'nope',
  summary: 'Servers at Nope',
  flags: [
    {
      name: 'nope-token',
      key: 'token',
      type: 'string',
      env: 'NOPE_TOKEN',
      secret: true,
      required: true,
      summary: 'API token',
    },
    { name: 'nope-region', key: 'region', type: 'string', default: 'north', summary: 'Region' },
    {
      name: 'nope-size',
      key: 'size',
      type: 'string',
      default: 'small',
      options: ['small', 'large'],
      summary: 'Size of the server',
    },
    {
      name: 'nope-endpoint',
      key: 'endpoint',
      type: 'string',
      env: 'NOPE_ENDPOINT',
      default: ENDPOINT,
      value: 'URL',
      summary: 'Address of the API',
    },
  ],
  check(read, fault) {
    if (!URL.canParse(read.string('endpoint'))) fault('--nope-endpoint wants a URL')
  },
  // Loaded when a machine is worked on, not when flags are listed.
  open: async (deps) => (await import('./driver.js')).openDriver(deps),
})
