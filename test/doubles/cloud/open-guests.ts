import { type GuestHost, NoGuests } from './guest.js'

/** What is behind the servers of a double; VMs bring half of the qemu driver along, so they are loaded when asked for. */
export async function openGuests(wanted: 'none' | 'vms' | GuestHost = 'none'): Promise<GuestHost> {
  if (wanted === 'none') return new NoGuests()
  if (wanted !== 'vms') return wanted
  const { VmGuests } = await import('./vm-guests.js')
  return await VmGuests.open()
}
