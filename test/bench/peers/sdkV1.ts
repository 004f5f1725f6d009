/** A job agent on aws-iot-device-sdk (version 1) and its `jobs` class, as its documentation has it: at QoS 0, without answers. Arguments: work.ts */
// @ts-expect-error: it comes without types
import sdk from 'aws-iot-device-sdk';
import { access, connected, ended, refused, work } from './work.ts';

interface Job {
  id: string;
  inProgress(told: (error?: Error) => void): void;
  succeeded(told: (error?: Error) => void): void;
}
interface Jobs extends NodeJS.EventEmitter {
  subscribeToJobs(thingName: string, take: (error: Error | undefined, job: Job) => void): void;
  startJobNotifications(thingName: string, told: (error?: Error) => void): void;
}

const { host, port, ca, cert, key, thingName } = access;
const options = { host, port, caPath: ca, certPath: cert, keyPath: key, clientId: thingName };
const jobs = sdk.jobs(options) as Jobs;
/** A job is offered again by $next/get when it was offered by notify-next just before. */
let taken: string | undefined;

jobs.on('error', refused);
jobs.once('connect', () => {
  jobs.subscribeToJobs(thingName, (error, job) => {
    if (error) refused(error);
    if (job.id === taken) return;
    taken = job.id;
    job.inProgress((failed) => {
      if (failed) refused(failed);
      work(() => job.succeeded((lost) => (lost ? refused(lost) : ended(job.id))));
    });
  });
  jobs.startJobNotifications(thingName, (error) => (error ? refused(error) : connected()));
});
