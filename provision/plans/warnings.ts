import type { Facts, Wanted } from '../../src/contracts/provision.js'
import { isHostName } from './hostname.js'
import { setsClock } from './clock.js'

const SKEW_S = 60
const SCARCE_BYTES = 1_000_000_000
/** Our image's disk is as large as its owner wanted it. */
const SCARCE_ON_IMAGE_BYTES = 100_000_000

interface Rule {
  readonly applies: (facts: Facts, wanted: Wanted) => boolean
  readonly text: (facts: Facts, wanted: Wanted) => string
}

const RULES: readonly Rule[] = [
  {
    applies: (facts) => Math.abs(facts.clockSkewS) > SKEW_S,
    text: (facts) => `The host's clock is ${offset(facts)}: ${consequence(facts)}`,
  },
  {
    applies: (facts, wanted) => facts.swarm && wanted.force === true,
    text: () => 'The host is in a swarm: its tasks restart with the engine',
  },
  {
    applies: (facts) => facts.cloudInit === 'running',
    text: () => 'cloud-init is still at work on the host and may change it after this',
  },
  {
    applies: (facts) => facts.cgroup === 1,
    text: () => 'The host uses control groups version 1, which Docker has deprecated',
  },
  {
    applies: (facts) => !facts.limitsMemory,
    text: () =>
      'The host’s kernel does not limit memory: --memory of containers has no effect (add cgroup_enable=memory to its command line)',
  },
  {
    applies: ({ kernelFeatures: { modules, present }, engine }) =>
      engine === undefined && modules === 'known' && !present.includes('overlay'),
    text: () => 'The host’s kernel has no overlay file system: images take much more room and time',
  },
  {
    applies: ({ data, init }) =>
      data.freeBytes < (init === 'tsmachine' ? SCARCE_ON_IMAGE_BYTES : SCARCE_BYTES),
    text: ({ data }) =>
      `Images of the host go to ${data.path}, and ${data.mount} has only ${Math.floor(data.freeBytes / 1_000_000)} MB free`,
  },
  {
    applies: (facts, wanted) => facts.init !== 'tsmachine' && !isHostName(wanted.hostName),
    text: (facts, wanted) => `A host cannot be named ${wanted.hostName}: it keeps its name ${facts.hostname}`,
  },
]

function offset({ clockSkewS }: Facts): string {
  return `${Math.abs(clockSkewS)} s ${clockSkewS > 0 ? 'ahead' : 'behind'}`
}

function consequence(facts: Facts): string {
  if (setsClock(facts)) return 'it is set by this computer’s, because nothing on the host keeps it right'
  const risk = 'certificates may look expired or not yet valid there'
  return facts.timeSync === undefined ? risk : `${risk} until ${facts.timeSync} has set it`
}

/** What the user should know of the host; none of it keeps the plan from being carried out. */
export function warnings(facts: Facts, wanted: Wanted): string[] {
  return RULES.filter((rule) => rule.applies(facts, wanted)).map((rule) => rule.text(facts, wanted))
}
