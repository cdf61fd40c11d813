import type { Scenario } from '../harness/call/scenario.ts';

export const scenario: Scenario = {
  name: 'two-party',
  title: 'Two people meet, talk and leave.',
  participants: [{ name: 'alice' }, { name: 'bob' }],
  async run(call) {
    await call.join('alice');
    await call.join('bob');
    await call.untilConnected();
    await call.talk();
    await call.leave('bob');
    await call.leave('alice');
  },
};
