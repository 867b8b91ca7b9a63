/** What is missing where a recorded machine's driver is not here, and how to have it. */
import { LEGACY_DRIVERS, LEGACY_HINT, LEGACY_PREFIX } from '../common/driver-names.js'
import type { AbsentRecord } from './index.js'

export interface Missing {
  readonly text: string
  /** How to have the driver. */
  readonly hints: readonly string[]
}

type Wanted = Pick<AbsentRecord, 'driver' | 'wanted' | 'isOurs'>

/** docker-machine has it built in. */
const LEGACY_TOO = ', or docker-machine (TSMACHINE_LEGACY_BINARY=/path/to/docker-machine)'

const IS_PATH = /[/\\]/

/** The kinds of drivers that a record can name; the first that fits counts. */
const KINDS: readonly {
  readonly fits: (record: Wanted) => boolean
  readonly tell: (record: Wanted) => Missing
}[] = [
  { fits: ({ wanted }) => wanted.startsWith(LEGACY_PREFIX), tell: program },
  { fits: ({ wanted }) => IS_PATH.test(wanted), tell: folder },
  { fits: ({ isOurs }) => isOurs, tell: npmPackage },
  { fits: () => true, tell: plugin },
]

export function missingDriver(record: Wanted): Missing {
  const kind = KINDS.find(({ fits }) => fits(record))
  return (kind?.tell ?? plugin)(record)
}

function program({ driver }: Wanted): Missing {
  return {
    text: `docker-machine's own program serves its driver "${driver}", and there is no docker-machine here.`,
    hints: [LEGACY_HINT],
  }
}

function folder({ driver, wanted }: Wanted): Missing {
  return {
    text: `Driver "${driver}" not found: there is no package at ${wanted}.`,
    hints: [`To drive it, have its package at ${wanted} again.`],
  }
}

/** A plugin of the name would not know what we recorded. */
function npmPackage({ driver }: Wanted): Missing {
  return {
    text: `Driver "${driver}" not found. It is not installed.`,
    hints: [`To drive it, install its package: tsmachine driver install tsmachine-driver-${driver}`],
  }
}

/** docker-machine's words for a driver that it does not find. */
function plugin({ driver }: Wanted): Missing {
  const program = `docker-machine-driver-${driver}`
  return {
    text: `Driver "${driver}" not found. Do you have the plugin binary accessible in your PATH?`,
    hints: [`To drive it, have ${program} on PATH${LEGACY_DRIVERS.has(driver) ? LEGACY_TOO : ''}.`],
  }
}
