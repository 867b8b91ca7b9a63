/** The double as a program: `npm run provider`, or on a port of your own `npm run provider -- 8099`. */
import { Provider, TOKEN } from './provider.js'

const { url } = await Provider.start(Number(process.argv[2] ?? 0))
console.log(`export NOPE_ENDPOINT=${url} NOPE_TOKEN=${TOKEN}`)
