import { Flags } from '@oclif/core'
import { BaseCommand } from '../cli/base-command.js'
import { diagnosticTools } from '../cli/diagnostics.js'
import { ExitStatus } from '../cli/failure.js'
import { examine } from '../machine/doctor.js'
import { renderDiagnoses } from '../ui/diagnoses.js'

export default class Doctor extends BaseCommand {
  static override summary =
    'Check this computer and the store: what works, what does not, and what to do about it.'
  static override description = 'Ends with status 1 when something is wrong that stops machines from working.'
  static override usage = 'doctor [--probe]'
  static override strict = false
  static override flags = {
    probe: Flags.boolean({ summary: 'Try accelerators again that failed before.' }),
  }
  static override examples = [
    '<%= config.bin %> doctor',
    '<%= config.bin %> doctor --probe',
    '<%= config.bin %> doctor --json',
  ]

  override async run(): Promise<void> {
    const { flags } = await this.parse(Doctor)
    const ctx = this.context(flags)
    const diagnoses = await examine(ctx, diagnosticTools(this.session.env), { probe: flags.probe })
    this.answer(diagnoses, renderDiagnoses(diagnoses))
    if (diagnoses.some((diagnosis) => diagnosis.level === 'bad')) throw new ExitStatus(1)
  }
}
