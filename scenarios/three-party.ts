import type { Scenario } from '../harness/call/scenario.ts';

export const scenario: Scenario = {
  name: 'three-party',
  title: 'Two people meet, a third comes later and leaves earlier.',
  participants: [{ name: 'alice' }, { name: 'bob' }, { name: 'carol' }],
  async run(call) {
    await call.join('alice');
    await call.join('bob');
    await call.untilConnected();
    await call.talk(call.seconds / 3);
    await call.join('carol');
    await call.untilConnected();
    await call.talk(call.seconds / 3);
    await call.leave('carol');
    await call.talk(call.seconds / 3);
    await call.leave('bob');
    await call.leave('alice');
  },
};
