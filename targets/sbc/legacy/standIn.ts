import { rmSync } from 'node:fs';

/** Where the sample handler reboot.sh notes when it began. */
const REBOOT_NOTE = '/var/tmp/dc-reboot.lock';

/**
 * What AWS's sample handlers expect of the machine they run on.
 *
 * - `restart-services.sh` ends at once where `pidof aws-iot-device-client` finds nobody, so this process has that name.
 * - `reboot.sh` leaves a note to find when it is run again after the boot. It is not run again here: the kernel's boot id says whether the
 *   device has restarted. A note that stays would let the next reboot succeed without one.
 */
export function standInForDeviceClient(note = REBOOT_NOTE): void {
  process.title = 'aws-iot-device-client';
  try {
    rmSync(note, { force: true });
  } catch {
    // Another user's: its reboot.sh runs as that user, too.
  }
}
