import { suite } from 'uvu';
import { type House, openHouse } from './house.ts';
import { runDevice } from './sdk/stage.ts';

const v1 = suite<{ house: House }>('aws-iot-device-sdk');
v1.before(async (context) => {
  context.house = await openHouse();
});
v1.after(async ({ house }) => house?.end());

v1(
  'version 1: jobs by operation and by default, in progress, succeeded, failed; each refusal (data plane §9)',
  async ({ house }) => {
    await runDevice(house, 'v1.ts', 'sdk-v1');
  },
);

v1.run();
