/** Where each rule of the events' specification is held (see rule.ts). */
import type { SpecificationFile } from './rule.ts';

const EVENTS_TEST = 'targets/service/jobs/events.test.ts';
const TAGS = 'targets/service/registry/tags.test.ts';
const GATEWAY = 'targets/service/gateway';

export const EVENTS: SpecificationFile = {
  name: 'events',
  sections: [
    {
      section: '§1',
      tagged: 3,
      rules: [
        ['M', 'off by default, turned on by type', TAGS, 'events: all off at first; what is turned on'],
        ['D', 'nothing of a type that is off', EVENTS_TEST, 'events §1: a kind that is off is silent'],
        ['D', 'at least once', EVENTS_TEST, 'an event that could not be published stays in the store'],
        ['', 'eventId tells one from another', EVENTS_TEST, 'has the eventId of the first time'],
        [
          '',
          'clients cannot publish here',
          `${GATEWAY}/authorise.test.ts`,
          'authorisePublish: a device reaches its own',
        ],
        ['', 'who may hear them', `${GATEWAY}/authorise.test.ts`, 'a monitor hears events, and nothing else'],
      ],
    },
    {
      section: '§2',
      tagged: 1,
      rules: [
        ['D', 'topics of executions', EVENTS_TEST, 'events §2: failed, rejected, timed_out, removed'],
        ['', 'topics of jobs', EVENTS_TEST, 'CancelJob and DeleteJob say when they begin'],
        ['', 'none for queued and in progress', EVENTS_TEST, 'are told of, queued and running ones are not'],
      ],
    },
    {
      section: '§3',
      tagged: 1,
      rules: [
        ['D', 'seconds for timestamp, else milliseconds', EVENTS_TEST, 'then one of the job, with these members'],
        ['', 'both payloads as shown', EVENTS_TEST, 'events §3: the last SUCCEEDED makes an event'],
        ['', 'a comment where the samples have one', EVENTS_TEST, 'events §4: CancelJob and DeleteJob say'],
      ],
    },
    {
      section: '§4',
      tagged: 0,
      rules: [
        ['', 'the order of a cancel and of a deletion', EVENTS_TEST, 'what each execution becomes, and when they are'],
        ['', 'an execution before its job', EVENTS_TEST, 'makes an event of the execution, then one of the job'],
      ],
    },
  ],
};
