import type { ReportEvent } from '../contracts/events.js'
import { inNameOf, oneLine } from '../util/text.js'

type Lines = Readonly<Record<string, readonly string[]>>

/** The lines that docker-machine prints when a stage of a verb begins; `%s` is the machine. */
const STORIES: Readonly<Record<string, Lines>> = {
  create: {
    preflight: ['Running pre-create checks...'],
    make: ['Creating machine...'],
    boot: ['Waiting for machine to be running, this may take a few minutes...'],
    ssh: ['Detecting operating system of created instance...', 'Waiting for SSH to be available...'],
    identity: ['Detecting the provisioner...'],
    swarm: ['Configuring swarm...'],
    tls: ['Checking connection to Docker...'],
  },
  start: {
    boot: ['Machine "%s" was started.', 'Waiting for SSH to be available...'],
    engine: ['Detecting the provisioner...'],
  },
  restart: { boot: ['Waiting for SSH to be available...'], engine: ['Detecting the provisioner...'] },
  provision: {
    ssh: ['Waiting for SSH to be available...'],
    identity: ['Detecting the provisioner...'],
    swarm: ['Configuring swarm...'],
  },
}

/** The line when a verb's last stage is done. */
const ENDS: Readonly<Record<string, Lines>> = { create: { tls: ['Docker is up and running!'] } }

/**
 * One verb's story in docker-machine's lines, which fleets search for in their logs. A line stands where docker-machine
 * prints it and is not told again when ours comes later.
 */
export function dockerMachineStory(verb: string): (event: ReportEvent) => readonly string[] {
  const told = new Set<string>()
  return (event) => {
    const lines = linesOf(verb, event)
    if (event.type !== 'info' || event.machine === undefined) {
      for (const line of lines) told.add(`${machineOf(event)}\0${line}`)
      return lines
    }
    return lines.filter((line) => !told.has(`${event.machine}\0${line}`))
  }
}

function machineOf(event: ReportEvent): string {
  return event.machine ?? ''
}

function linesOf(verb: string, event: ReportEvent): readonly string[] {
  switch (event.type) {
    case 'stage':
      return stageLines(verb, event)
    case 'step':
      return event.step === 'provisioner' && verb !== 'create' ? [] : [`${event.text}...`]
    case 'info':
    case 'warn':
    case 'error':
      return [
        inNameOf(
          event.source === 'driver' ? `(${machineOf(event)}) ${oneLine(event.text)}` : event.text,
          'docker-machine',
        ),
      ]
    case 'progress':
    case 'part':
    case 'debug':
      return []
  }
}

/** A verb that docker-machine has no lines for tells ours. */
function stageLines(verb: string, event: Extract<ReportEvent, { type: 'stage' }>): readonly string[] {
  const story = STORIES[verb]
  if (event.state === 'start')
    return story ? named(story[event.stage], event.machine) : [`(${event.machine}) ${event.text}`]
  return event.state === 'done' ? named(ENDS[verb]?.[event.stage], event.machine) : []
}

function named(lines: readonly string[] = [], machine: string): readonly string[] {
  return lines.map((line) => line.replace('%s', machine))
}
