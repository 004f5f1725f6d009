import { suite } from 'uvu';
import { type House, openHouse } from './house.ts';
import { runDevice } from './sdk/stage.ts';

const v2 = suite<{ house: House }>('aws-iot-device-sdk-v2');
v2.before(async (context) => {
  context.house = await openHouse();
});
v2.after(async ({ house }) => house?.end());

const CLIENTS = {
  classic: 'IotJobsClient on MQTT 3.1.1',
  classic5: 'IotJobsClient on MQTT 5',
  'v2-311': 'IotJobsClientv2 on MQTT 3.1.1',
  'v2-5': 'IotJobsClientv2 on MQTT 5',
};
for (const [which, name] of Object.entries(CLIENTS))
  v2(
    `version 2: ${name}: a whole life with its notifications, and each refusal with its modelled error`,
    async ({ house }) => {
      await runDevice(house, 'v2.ts', `sdk-${which}`, which);
    },
  );

v2.run();
