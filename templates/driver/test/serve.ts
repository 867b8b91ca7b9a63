/** The double as a program: `npm run provider`, or with another port `npm run provider -- 8099`. */
import { Provider, TOKEN } from './provider.js'

const { url } = await Provider.start(Number(process.argv[2] ?? 8099))
console.log(`export ACME_ENDPOINT=${url} ACME_TOKEN=${TOKEN}`)
