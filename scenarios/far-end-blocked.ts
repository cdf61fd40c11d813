import type { Scenario } from '../harness/call/scenario.ts';

export const scenario: Scenario = {
  name: 'far-end-blocked',
  title: 'Two people meet, but neither page shows what comes from the other.',
  participants: [{ name: 'alice' }, { name: 'bob' }],
  async run(call) {
    await call.blind('alice');
    await call.blind('bob');
    await call.join('alice');
    await call.join('bob');
    await call.talk();
    await call.leave('bob');
    await call.leave('alice');
  },
};
