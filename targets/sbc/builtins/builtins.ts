import type { Handler } from '../handlers/handler.ts';
import { installPackages, removePackages } from './packages.ts';
import { reboot, shutdown } from './power.ts';
import { serviceHandler } from './services.ts';

/** What AWS's managed job templates call by name (AWS IoT Developer Guide, "AWS managed templates"). */
export const BUILT_IN: readonly Handler[] = [
  { name: 'reboot.sh', run: reboot },
  { name: 'shutdown.sh', run: shutdown },
  { name: 'install-packages.sh', run: installPackages },
  { name: 'remove-packages.sh', run: removePackages },
  serviceHandler('start'),
  serviceHandler('stop'),
  serviceHandler('restart'),
];
