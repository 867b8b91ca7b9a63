import { defineDriver } from 'tsmachine/driver'

const ENDPOINT = 'https://api.acme.example/v1'

export const driver = defineDriver({
  contract: '1.0.0',
  name: 'acme',
  summary: 'Servers at Acme',
  flags: [
    {
      name: 'acme-token',
      key: 'token',
      type: 'string',
      env: 'ACME_TOKEN',
      secret: true,
      required: true,
      summary: 'API token',
    },
    { name: 'acme-region', key: 'region', type: 'string', default: 'north', summary: 'Region' },
    {
      name: 'acme-size',
      key: 'size',
      type: 'string',
      default: 'small',
      options: ['small', 'large'],
      summary: 'Size of the server',
    },
    {
      name: 'acme-endpoint',
      key: 'endpoint',
      type: 'string',
      env: 'ACME_ENDPOINT',
      default: ENDPOINT,
      value: 'URL',
      summary: 'Address of the API',
    },
  ],
  check(read, fault) {
    if (!URL.canParse(read.string('endpoint'))) fault('--acme-endpoint wants a URL')
  },
  // Loaded when a machine is worked on, not when flags are listed.
  open: async (deps) => (await import('./driver.js')).openDriver(deps),
})
